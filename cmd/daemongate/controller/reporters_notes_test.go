package controller

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/outbox"
)

// notesOf is what writes the notes of a Sync.
func notesOf(t *testing.T, k *connections, url, secret string) outbox.Reporter {
	t.Helper()
	s := &api.Sync{}
	s.Namespace, s.Spec.Source.URL, s.Spec.Report.Provider = "platform", url, api.ProviderNotes
	if secret != "" {
		s.Spec.Source.SecretRef = &api.LocalObjectReference{Name: secret}
	}
	r, err := k.Reporter(t.Context(), s)
	check(t, err)
	return r
}

// Whoever writes to a repository as the same, by the same URL, is one writer. Every other writer has a folder of its
// own: one would remove under another's hands what that is reading.
func TestEveryWriterOfNotesHasAFolderOfItsOwn(t *testing.T) {
	repo := filepath.Join(t.TempDir(), "fleet")
	gittest.Commit(t, repo, "agent.yaml", "kind: DaemonSet\n")
	head := gittest.Run(t, repo, "rev-parse", "HEAD")
	k := connectionsWith(t, map[string]string{"token": "t0ken"})
	k.notes = t.TempDir()
	writers := map[outbox.Reporter]bool{}
	for i, as := range []struct{ url, secret string }{{repo, "one"}, {repo, "another"}, {repo, ""}, {repo + "/", "one"},
		{"file://" + repo, "one"}, {repo, "one"}} {
		w := notesOf(t, k, as.url, as.secret)
		writers[w] = true
		check(t, w.Report(t.Context(), []forge.Status{{Commit: head, Context: fmt.Sprint("daemongate/", i),
			State: forge.Success}}).Err())
	}
	folders, err := os.ReadDir(k.notes)
	check(t, err)
	if len(folders) != len(writers) || len(writers) != 5 {
		t.Errorf("%d writers in %d folders, want 5 in 5", len(writers), len(folders))
	}
	if lines := strings.Count(gittest.Run(t, repo, "notes", "--ref=daemongate", "show", head),
		": success"); lines != 6 {
		t.Errorf("%d of 6 lines are there", lines)
	}
}
