package install

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Who installs reads and writes each kind, finds what an earlier installation has brought, and deletes that; who
// uninstalls deletes all but the namespace and the definition of Syncs, and counts these.
func TestRightsAreThoseOfWhatIsDone(t *testing.T) {
	at := func(resource, namespace string) Place {
		name, group, _ := strings.Cut(resource, ".")
		return Place{schema.GroupVersionResource{Group: group, Version: "v1", Resource: name}, namespace}
	}
	const system = "daemongate-system"
	written := []Place{at("namespaces", ""), at("customresourcedefinitions.apiextensions.k8s.io", ""),
		at("deployments.apps", system), at("rolebindings.rbac.authorization.k8s.io", system)}
	got := rightsFor(written, append(slices.Clone(written), at("secrets", system)))
	for what, c := range map[string]struct {
		got  []Right
		want string
	}{
		"install": {got.Install, `get namespaces, create namespaces, patch namespaces,
get customresourcedefinitions.apiextensions.k8s.io, create customresourcedefinitions.apiextensions.k8s.io,
patch customresourcedefinitions.apiextensions.k8s.io,
get deployments.apps of daemongate-system, create deployments.apps of daemongate-system,
patch deployments.apps of daemongate-system,
get rolebindings.rbac.authorization.k8s.io of daemongate-system,
create rolebindings.rbac.authorization.k8s.io of daemongate-system,
patch rolebindings.rbac.authorization.k8s.io of daemongate-system,
get secrets of daemongate-system,
list clusterrolebindings.rbac.authorization.k8s.io, list rolebindings.rbac.authorization.k8s.io,
list services of daemongate-system, list networkpolicies.networking.k8s.io of daemongate-system`},
		"remove": {got.Remove, `delete deployments.apps of daemongate-system,
delete rolebindings.rbac.authorization.k8s.io of daemongate-system, delete secrets of daemongate-system,
get clusterrolebindings.rbac.authorization.k8s.io, delete clusterrolebindings.rbac.authorization.k8s.io,
get rolebindings.rbac.authorization.k8s.io, delete rolebindings.rbac.authorization.k8s.io,
get services of daemongate-system, delete services of daemongate-system,
get networkpolicies.networking.k8s.io of daemongate-system,
delete networkpolicies.networking.k8s.io of daemongate-system, list syncs.daemongate.io`},
	} {
		var said []string
		for _, r := range c.got {
			one := r.Verb + " " + r.Resource.GroupResource().String()
			if r.Namespace != "" {
				one += " of " + r.Namespace
			}
			said = append(said, one)
		}
		if got, want := strings.Join(said, ", "), strings.ReplaceAll(c.want, "\n", " "); got != want {
			t.Errorf("%s takes\n%s\nand not\n%s", what, got, want)
		}
	}
}
