package rights

import (
	"strings"
	"testing"
)

// Whoever lacks a right is named, with how exactly that one gets it where it is lacking; and nobody is told to give the
// controller more.
func TestWhoLacksTheRightIsNamed(t *testing.T) {
	const deployer = "system:serviceaccount:platform:deployer"
	for name, story := range map[string]struct {
		missing Missing
		says    []string
	}{
		"a Sync's account, in another namespace": {
			Missing{As: deployer, Group: "apps", Resource: "daemonsets", Namespace: "logging"},
			[]string{"ServiceAccount platform/deployer needs", "in namespace logging: grant them to it",
				"kubectl -n logging create role deployer-daemonsets --verb=get,list,watch,create,patch,delete " +
					"--resource=daemonsets.apps && kubectl -n logging create rolebinding deployer-daemonsets " +
					"--role=deployer-daemonsets --serviceaccount=platform:deployer"}},
		"what has no namespace": {
			Missing{As: deployer, Resource: "namespaces"},
			[]string{"kubectl create clusterrole platform-deployer-namespaces --verb=get,list,watch,create,patch,delete " +
				"--resource=namespaces && kubectl create clusterrolebinding platform-deployer-namespaces " +
				"--clusterrole=platform-deployer-namespaces --serviceaccount=platform:deployer"}},
		"it is not known what": {Missing{As: deployer, Namespace: "logging"},
			[]string{"ServiceAccount platform/deployer needs", "by a Role or ClusterRole"}},
		"the process itself": {Missing{Group: "apps", Resource: "daemonsets", Namespace: "logging"},
			[]string{"spec.apply.serviceAccountName", "in namespace logging", "the controller's own rights are not for that"}},
		"a namespace that the controller does not look after": {
			Missing{As: deployer, Namespace: "platform", Said: `serviceaccounts "deployer" is forbidden: User ` +
				`"system:serviceaccount:daemongate-system:daemongate" cannot impersonate resource "serviceaccounts"`},
			[]string{"does not look after Syncs of namespace platform"}},
	} {
		got := story.missing.Advice()
		for _, want := range story.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", name, want, got)
			}
		}
		if strings.Contains(got, "daemongate-system") {
			t.Errorf("%s: it wants the controller to have more:\n%s", name, got)
		}
	}
}
