package sync

import (
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// holding is a DaemonSet of a name with a host port on all nodes, one at a time.
func holding(name, image string, port int) string {
	return strings.NewReplacer("name: agent}\n", "name: "+name+"}\n", "app: agent", "app: "+name, "100%", "1",
		"image:", fmt.Sprintf("ports: [{containerPort: 8080, hostPort: %d}], image:", port)).Replace(agent(image))
}

// A commit that gives a DaemonSet with a host port another name can never roll out: the old one holds the port until it is
// pruned, which is after the rollout. It is Failed, says which two and what to do, and nothing of it is written.
func TestRenameWithAHostPortIsRefused(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	v1 := w.push("v1", map[string]string{"agent.yaml": holding("old", "v1", 18101), "config.yaml": configMap("config", "1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	renamed := w.push("renamed", map[string]string{"agent.yaml": holding("new", "v1", 18101), "config.yaml": configMap("config", "2")})
	r := w.waitFor(renamed, api.Failed)
	for _, word := range []string{"DaemonSet " + w.namespace + "/new", "DaemonSet " + w.namespace + "/old", "host port 18101/TCP", "12 nodes"} {
		if !strings.Contains(r.Message, word) {
			t.Errorf("%q does not say %s", r.Message, word)
		}
	}
	if _, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "new", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the new DaemonSet was written: %v", err)
	}
	config, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "config", metav1.GetOptions{})
	w.check(err)
	if config.Data["key"] != "1" {
		t.Error("the commit was written in part")
	}
	both := w.push("both", map[string]string{"old.yaml": holding("old", "v1", 18101)})
	if r := w.waitFor(both, api.Failed); !strings.Contains(r.Message, "both want host port 18101/TCP") {
		t.Errorf("two of one commit: %q", r.Message)
	}
	other := w.push("another port", map[string]string{"agent.yaml": holding("new", "v1", 18102), "old.yaml": ""})
	w.waitFor(other, api.Complete)
}
