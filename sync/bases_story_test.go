package sync

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A kustomization that names another repository is Failed, until the Sync allows that; then the base is fetched at the
// commit that it is pinned to, whatever its branch is at.
func TestRemoteBaseIsFetchedWhenAllowed(t *testing.T) {
	t.Parallel()
	w, base := newWorld(t), newWorld(t)
	pin := base.push("base", map[string]string{"a.yaml": configMap("a", "pinned"),
		"kustomization.yaml": "resources: [a.yaml]\n"})
	base.push("later", map[string]string{"a.yaml": configMap("a", "later")})
	url, err := shared.CreateRepo("base")
	w.check(err)
	base.git("push", "-q", url, "main")
	overlay := w.push("overlay", map[string]string{"kustomization.yaml": "resources: [\"" + url + "?ref=" + pin +
		"\"]\n"})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	if r := w.waitFor(overlay, api.Failed); !strings.Contains(r.Private, "allowRemoteBases") {
		t.Errorf("it says %q", r.Private)
	}
	_, err = w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents", types.MergePatchType,
		[]byte(`{"spec":{"render":{"allowRemoteBases":true}}}`), metav1.PatchOptions{})
	w.check(err)
	w.waitFor(overlay, api.Complete)
	m, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "a", metav1.GetOptions{})
	w.check(err)
	if m.Data["key"] != "pinned" {
		t.Errorf("the base has %q", m.Data["key"])
	}
}

// A render that needs a submodule is refused, and says so, until the Sync asks for submodules; then the one that the
// commit names is read, and a commit that moves it is another set.
func TestASubmoduleIsFollowedWhenAskedFor(t *testing.T) {
	t.Parallel()
	w, lib := newWorld(t), newWorld(t)
	lib.push("lib", map[string]string{"a.yaml": configMap("a", "1"), "kustomization.yaml": "resources: [a.yaml]\n"})
	w.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", lib.url, "lib")
	v1 := w.push("v1", map[string]string{"kustomization.yaml": "resources: [lib]\n"})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	if r := w.waitFor(v1, api.Failed); !strings.Contains(r.Private, "submodule") {
		t.Errorf("it says %q", r.Private)
	}
	w.patch(`{"spec":{"source":{"submodules":true}}}`)
	w.waitFor(v1, api.Complete)
	lib.push("lib 2", map[string]string{"a.yaml": configMap("a", "2")})
	w.git("-c", "protocol.file.allow=always", "submodule", "update", "-q", "--remote")
	v2 := w.push("v2", nil)
	w.waitFor(v2, api.Complete)
	if got := w.value("a"); got != "2" {
		t.Errorf("the ConfigMap has %q", got)
	}
}
