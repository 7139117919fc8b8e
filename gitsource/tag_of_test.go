package gitsource_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// A tag of a folder or of a file leads to no commit, which no second try changes: that is said, and what to do.
func TestTagsOfWhatIsNoCommit(t *testing.T) {
	w := newWork(t)
	w.write("deploy/file", "content")
	w.git("add", ".")
	w.git("commit", "-q", "-m", "one")
	w.git("tag", "folder", "HEAD^{tree}")
	w.git("tag", "-a", "-m", "annotated", "named-folder", "HEAD:deploy")
	w.git("tag", "text", "HEAD:deploy/file")
	w.git("tag", "-a", "-m", "of a tag", "good", "HEAD")
	w.git("tag", "-a", "-m", "twice", "twice", "good")
	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	defer store.Close()
	r, err := store.Repository(w.dir, gitsource.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	head := w.git("rev-parse", "HEAD")
	var others sync.WaitGroup
	for tag, says := range map[string]string{"folder": "is a tag of a folder (tree",
		"named-folder": "is a tag of a folder (tree", "text": "is a tag of a file (blob"} {
		for range 2 {
			others.Go(func() { // whoever asks for something else of the same repository gets it
				if got, err := r.Head(t.Context(), gitsource.Ref{Branch: "main"}); err != nil || got != head {
					t.Errorf("beside tag %s: %s, %v", tag, got, err)
				}
			})
			_, err := r.Head(t.Context(), gitsource.Ref{Tag: tag})
			if err == nil || !strings.Contains(err.Error(), "tag "+tag+": "+says) ||
				strings.Contains(err.Error(), "again") {
				t.Errorf("tag %s: %v", tag, err)
			}
		}
	}
	others.Wait()
	for _, tag := range []string{"good", "twice"} {
		if got, err := r.Head(t.Context(), gitsource.Ref{Tag: tag}); err != nil || got != head {
			t.Errorf("tag %s: %s, %v", tag, got, err)
		}
	}
	w.git("tag", "-f", "folder", "HEAD") // mended
	if got, err := r.Head(t.Context(), gitsource.Ref{Tag: "folder"}); err != nil || got != head {
		t.Errorf("the mended tag: %s, %v", got, err)
	}
}
