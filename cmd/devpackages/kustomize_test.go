package devpackages

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// The base that install has written is rendered by kustomize and applied, in the order in which it comes and by nobody
// but the API server: with it the controller gets ready and rolls out a commit, with the resources that install was
// asked for.
func TestTheBaseRollsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := filepath.Join(w.dir, "base")
	daemongate(t, "install", "--image", anyImage, "--monitoring", "--request-cpu", "100m", "--request-memory", "256Mi",
		"--limit-memory", "1400Mi", "--export", base)
	w.PrometheusKinds(t)
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), base)
	check(t, err)
	groups, err := restmapper.GetAPIGroupResources(w.kube.Discovery())
	check(t, err)
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	for _, r := range made.Resources() {
		object, err := r.Map()
		check(t, err)
		body, err := json.Marshal(object)
		check(t, err)
		gvk := r.GetGvk()
		mapping, err := mapper.RESTMapping(schema.GroupKind{Group: gvk.Group, Kind: gvk.Kind}, gvk.Version)
		check(t, err)
		clustertest.Until(t, time.Minute, "kustomize's "+r.GetName()+" to be taken", func() (string, bool) {
			_, err := w.client.Resource(mapping.Resource).Namespace(r.GetNamespace()).Patch(t.Context(), r.GetName(),
				types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "kubectl"})
			if err != nil {
				return err.Error(), false
			}
			return "", true
		})
	}
	w.takes(t, "100m", "256Mi", "1400Mi")
	w.rollsOut(t)
	w.isWatched(t)
}
