package render

import (
	"fmt"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// The version of kustomize that is linked in, as a library and as the release of the program that is made of it. The
// library takes it from the build information of the program that it is in, which is not kustomize here. With another
// library comes another release: its go.mod (sigs.k8s.io/kustomize/kustomize/v5) names the library.
const (
	kustomizeLibrary = "v0.21.2" // sigs.k8s.io/kustomize/api
	kustomizeRelease = "v5.8.2"  // sigs.k8s.io/kustomize/kustomize/v5
)

// managedBy writes the label of buildMetadata's managedByLabel as the program kustomize writes it. The library's own
// would name the version of this program, which is no value of a label in a development build, and another one in each
// release. It is changed where it stands: where `labels` put a label of that name into selectors and templates as well,
// kustomize has one value in all these places.
func managedBy(k *kustomization, all resmap.ResMap) error {
	if k == nil || !slices.Contains(k.BuildMetadata, types.ManagedByLabelOption) {
		return nil
	}
	for _, object := range all.Resources() {
		label, err := object.Pipe(yaml.Lookup("metadata", "labels", konfig.ManagedbyLabelKey))
		if err != nil {
			return fmt.Errorf("buildMetadata: %s: %w", types.ManagedByLabelOption, err)
		}
		if label != nil {
			label.YNode().Value = "kustomize-" + kustomizeRelease
		}
	}
	return nil
}
