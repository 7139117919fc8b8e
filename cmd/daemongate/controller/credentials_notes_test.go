package controller

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Notes are pushed over ssh with the key of the Sync's Secret, to the address that is polled; after the key was
// exchanged, with the new one. Who has no key is told what to do.
func TestNotesOverSSH(t *testing.T) {
	root := t.TempDir()
	parentOf(t, filepath.Join(root, "org"), "../child")
	parent := filepath.Join(root, "org", "parent")
	commit := gittest.Run(t, parent, "rev-parse", "HEAD")
	server := gittest.ServeSSH(t, root)
	data := map[string]string{"identity": server.Key, "proxy": server.Proxy, "known_hosts": server.Known("git.invalid")}
	k := connectionsWith(t, data)
	k.notes = t.TempDir()
	s := syncOf("git@git.invalid:org/parent")
	s.Spec.Report.Provider = api.ProviderNotes
	report := func(text string) error {
		t.Helper()
		r, err := k.Reporter(t.Context(), s)
		check(t, err)
		status := forge.Status{Commit: commit, Context: "daemongate/prod", State: forge.Success, Description: text,
			Time: time.Unix(1_800_000_000, 0)}
		a := r.Report(t.Context(), []forge.Status{status})
		if a.Trouble == nil && len(a.Told) != 1 {
			t.Errorf("%s: told %d, refused %v, unknown %v, failed %v", text, len(a.Told), a.Refused, a.Unknown,
				a.Failed)
		}
		return a.Trouble
	}
	noted := func(text string) {
		t.Helper()
		if note := gittest.Run(t, parent, "notes", "--ref", forge.NotesPrefix, "show", commit); !strings.Contains(note,
			text) {
			t.Errorf("the note is %q, and lacks %q", note, text)
		}
	}
	check(t, report("with the first key"))
	noted("with the first key")

	data["identity"] = server.Exchange(t)
	k.secrets.(*oneSecret).data = secretOf(data).Data
	check(t, report("with the second key"))
	noted("with the second key")

	server.Exchange(t)
	if err := report("with no key"); err == nil || !strings.Contains(err.Error(), "deploy keys") ||
		strings.Contains(err.Error(), "PRIVATE") {
		t.Errorf("a key that is not let in: %v", err)
	}
}
