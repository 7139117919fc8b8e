package sync

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Somebody else's texts get into a status cut: a subject of two megabytes, and a mistake in a file that is told with
// half a megabyte of it, would make it larger than the API server takes, and the Sync would stand still for ever.
func TestLongTextsDoNotStopASync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := func(subject string, files map[string]string) string {
		for name, text := range files {
			w.check(os.WriteFile(filepath.Join(w.work, name), []byte(text), 0o600))
		}
		message := filepath.Join(t.TempDir(), "message")
		w.check(os.WriteFile(message, []byte(subject+" "+strings.Repeat("long ", 400_000)), 0o600))
		w.git("add", "-A")
		w.git("commit", "-q", "--author", strings.Repeat("Ada ", 20_000)+"<ada@example.com>", "-F", message)
		w.git("push", "-q", "-f", "origin", "main")
		return w.git("rev-parse", "HEAD")
	}
	w.create(nil)
	v1 := long("first", map[string]string{"a.yaml": configMap("a", "1")})
	w.controller(shared.Config, t.TempDir())
	r := w.waitFor(v1, api.Complete)
	if !strings.HasPrefix(r.Subject, "first long long") || !strings.HasSuffix(r.Subject, "…") || len(r.Subject) > 300 ||
		!strings.HasPrefix(r.Author, "Ada Ada") || len(r.Author) > 110 {
		t.Errorf("subject of %d bytes, author of %d: %.60s, %.60s", len(r.Subject), len(r.Author), r.Subject, r.Author)
	}
	broken := long("broken", map[string]string{"a.yaml": configMap("a", "2"),
		"kustomization.yaml": "resources: [a.yaml]\nlabels: [{pairs: {a: " + strings.Repeat("x", 500_000) + "}}]\n"})
	r = w.waitFor(broken, api.Failed)
	if len(r.Private) > api.MaxText+10 || len(r.Private) < 100 {
		t.Errorf("a message of %d bytes: %.300s", len(r.Private), r.Private)
	}
	fix := long("fix", map[string]string{"kustomization.yaml": "resources: [a.yaml]\n"})
	w.waitFor(fix, api.Complete)
	if got := w.value("a"); got != "2" {
		t.Errorf("%q is written", got)
	}
}
