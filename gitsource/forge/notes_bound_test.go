package forge_test

import (
	"crypto/rand"
	"encoding/hex"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Notes that are larger than notes can be are not fetched: the error says what to do, the folder stays small, and once
// they are gone all goes on.
func TestNotesThatAreTooLargeAreNotFetched(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	const bound = 1 << 20
	noise := make([]byte, 2*bound)
	_, _ = rand.Read(noise) // never fails
	r.gitIn(hex.EncodeToString(noise), "notes", "--ref=daemongate", "add", "-F", "-", commits[0])
	dir := t.TempDir()
	n := forge.NewNotes(r.dir, "", remote.Auth{}, dir)
	n.Bound(bound)
	letter := status(commits[0], "daemongate/prod", forge.Success, "Complete")
	for range 3 {
		a := n.Report(t.Context(), []forge.Status{letter})
		if a.Trouble == nil || !strings.Contains(a.Trouble.Error(), forge.NotesPrefix) ||
			!strings.Contains(a.Trouble.Error(), "1 MiB") {
			t.Fatalf("%+v", a)
		}
	}
	if size := sizeOf(t, dir); size > 2*bound {
		t.Errorf("the folder has %d bytes", size)
	}
	r.git("update-ref", "-d", forge.NotesPrefix)
	report(t, n, letter)
}

// Nor are notes read that would have to be made from large files.
func TestNotesThatAreChangesOfLargeFilesAreRefused(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 2)
	const large = 65 << 20
	r.gitIn(strings.Repeat("a", large), "notes", "--ref=daemongate", "add", "-F", "-", commits[0])
	r.gitIn(strings.Repeat("a", large)+"b", "notes", "--ref=daemongate", "add", "-F", "-", commits[1])
	r.git("-c", "core.bigFileThreshold=512m", "repack", "-q", "-a", "-d", "-f")
	n := forge.NewNotes(r.dir, "", remote.Auth{}, t.TempDir())
	letter := status(commits[0], "daemongate/prod", forge.Success, "Complete")
	for range 2 {
		if a := n.Report(t.Context(), []forge.Status{letter}); a.Trouble == nil ||
			!strings.Contains(a.Trouble.Error(), "more than 64 MiB") {
			t.Fatalf("%+v", a)
		}
	}
	r.git("update-ref", "-d", forge.NotesPrefix)
	report(t, n, letter)
}

// sizeOf is how many bytes are in the files of a folder.
func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}
