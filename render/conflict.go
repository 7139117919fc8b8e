package render

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/daemongate/daemongate/render/yamlfile"
)

const conflictMark = "namespace transformation produces ID conflict: ["

// conflict says which objects a change of the namespace would make one. kustomize prints them whole, and not their
// files.
func (x index) conflict(text string) (string, bool) {
	_, dump, found := strings.Cut(text, conflictMark)
	if !found {
		return "", false
	}
	var places []string
	var id yamlfile.Identity
	for decoder := json.NewDecoder(strings.NewReader(dump)); ; {
		object := &unstructured.Unstructured{}
		if decoder.Decode(&object.Object) != nil { // the bracket at the end, too
			break
		}
		id = yamlfile.IdentityOf(object)
		places = append(places, x.firstPlaces(object)...)
	}
	if id.Name == "" {
		return "", false
	}
	if len(places) == 0 {
		places = []string{"generated"}
	}
	return fmt.Sprintf("%s: is there twice with that namespace: %s: remove or rename one", id,
		strings.Join(places, " and ")), true
}

// firstPlaces are the files that declare an object, by what kustomize remembers of its first name.
func (x index) firstPlaces(o *unstructured.Unstructured) []string {
	first := func(of, now string) string {
		if names, ok := o.GetAnnotations()["internal.config.kubernetes.io/previous"+of]; ok {
			now, _, _ = strings.Cut(names, ",")
		}
		return now
	}
	gvk := o.GroupVersionKind()
	namespace := first("Namespaces", o.GetNamespace())
	// Kustomize takes the namespace default for none.
	for _, namespace := range []string{namespace, strings.TrimPrefix(namespace, "default")} {
		id := resid.NewResIdWithNamespace(resid.NewGvk(gvk.Group, gvk.Version, gvk.Kind), first("Names", o.GetName()),
			namespace)
		if places := x[id.String()]; len(places) > 0 {
			return places
		}
	}
	return nil
}
