package gitsource_test

import (
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// A commit of a mirrored repository is found by a branch, a tag, a hash, its first digits, and by steps back from each.
func TestRevisionsLeadToCommits(t *testing.T) {
	w := newWork(t)
	var commits []string
	for _, text := range []string{"one", "two", "three"} {
		w.write("file", text)
		w.git("add", ".")
		w.git("commit", "-q", "-m", text)
		commits = append(commits, w.git("rev-parse", "HEAD"))
	}
	w.git("tag", "v1", commits[0])
	w.git("checkout", "-q", "-b", "side", commits[0])
	w.git("commit", "-q", "--allow-empty", "-m", "aside")
	side := w.git("rev-parse", "HEAD")
	w.git("checkout", "-q", "main")
	w.git("merge", "-q", "--no-ff", "-m", "merged", "side")
	head := w.git("rev-parse", "HEAD")
	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	defer store.Close()
	r, err := store.Repository(w.dir, gitsource.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"HEAD": head, "main": head, "main~1": commits[2], "HEAD^": commits[2], "HEAD~2": commits[1],
		"HEAD~~": commits[1],
		"HEAD^2": side, "HEAD^2~1": commits[0], "HEAD~0": head, "HEAD^0": head, "v1": commits[0],
		"refs/heads/main~3": commits[0],
		commits[1]:          commits[1], commits[1][:7]: commits[1], commits[2][:9] + "~1": commits[1], head +
			"^2": side,
	} {
		if got, err := r.Resolve(t.Context(), text); err != nil || got != want {
			t.Errorf("%s is %s: %v; want %s", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"HEAD~9": "none that far back", "HEAD^3": "2 parents", "feature": "does not exist", "0123456789": "no hash",
		"HEAD:file": "names no commit", "": "names no commit", "HEAD~99999999999999999999": "too far",
	} {
		if got, err := r.Resolve(t.Context(), text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %s: %v", text, got, err)
		}
	}
}

// A commit whose header names an encoding is shown as git shows it.
func TestACommitsEncodingIsUnderstood(t *testing.T) {
	for encoding, text := range map[string]string{
		"ISO-8859-1": "Schl\xfcssel f\xfcr M\xfcller", "iso8859-15": "100 \xa4", "CP1252": "\x93quoted\x94",
		"KOI8-R":    "\xf0\xd2\xc9\xd7\xc5\xd4",
		"SHIFT-JIS": "\x93\xfa\x96\x7b", "EUC-JP": "\xc6\xfc\xcb\xdc", "GBK": "\xd6\xd0\xce\xc4", "latin1": "\xe9t\xe9",
		"UTF-8": "été",
	} {
		w := newWork(t)
		w.write("file", "content")
		w.git("add", ".")
		w.gitIn(text+"\n\nbody\n", "-c", "i18n.commitEncoding="+encoding, "-c", "user.name="+text, "commit", "-q", "-F",
			"-")
		hash, want := w.git("rev-parse", "HEAD"), w.git("log", "-1", "--encoding=UTF-8", "--format=%s")
		store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
		r, err := store.Repository(w.dir, gitsource.Auth{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Head(t.Context(), gitsource.Ref{Branch: "main"}); err != nil {
			t.Fatal(err)
		}
		c, err := r.Commit(hash)
		if err != nil || c.Subject != want {
			t.Errorf("%s: the subject is %q, git shows %q: %v", encoding, c.Subject, want, err)
		}
		store.Close()
	}
}
