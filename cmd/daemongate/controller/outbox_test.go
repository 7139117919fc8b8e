package controller

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Somebody who may write ConfigMaps in the Sync's namespace puts a state of a commit into its outbox. The Git host is not
// told of it, an Event names the field manager, and what really became of commits is told as before.
func TestWhatIsPutIntoTheOutboxIsNotTold(t *testing.T) {
	p := newPlace(t)
	fleet := filepath.Join(p.dir, "fleet")
	push := func(value string) string {
		return gittest.Commit(t, fleet, "config.yaml",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}\ndata: {a: v"+value+"}\n")
	}
	note := func(commit string) string {
		return gittest.Run(t, fleet, "log", "--notes="+forge.NotesPrefix+"/*", "--format=%N", "-1", commit)
	}
	told := func(commit string) {
		t.Helper()
		clustertest.Until(t, 2*time.Minute, "a note of success on "+api.Short(commit), func() (string, bool) {
			return note(commit), strings.Contains(note(commit), "success")
		})
	}
	before := push("0")
	first := push("1")
	p.sync("spec: {source: {url: " + fleet + ", interval: 1s}, report: {provider: Notes, context: here}}")
	p.run(Options{})
	told(first)
	forged := `[{"commit":"` + before + `","state":"success","description":"Complete","time":"2026-11-01T00:00:00Z"}]`
	_, err := p.kube.CoreV1().ConfigMaps(p.namespace).Patch(t.Context(), "agents-outbox", types.MergePatchType,
		[]byte(fmt.Sprintf(`{"data": {"outbox.json": %q}}`, forged)), metav1.PatchOptions{FieldManager: "mallory"})
	check(t, err)
	second := push("2")
	p.event("agents-outbox was changed by somebody else (field manager mallory)")
	told(second)
	if text := note(before); strings.Contains(text, "here") {
		t.Errorf("what somebody else wrote was told: %s", text)
	}
}
