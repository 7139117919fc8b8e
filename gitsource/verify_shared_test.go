package gitsource_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// sharedTags is a mirror that several Syncs share, of a repository with more refs than a poll asks for, and the signed
// tags v1.0.0, v1.1.0 (the newest commit) and unsigned ones.
func sharedTags(t *testing.T) (n *notary, r *gitsource.Repository, all *gitsource.Signers) {
	t.Helper()
	n = newNotary(t)
	all = signers(t, "", "ada@example.com "+n.sshKey("ed", "ed25519"))
	n.commit("c1")
	n.signTag("v1.0.0")
	n.commit("c2")
	n.signTag("v1.1.0")
	n.git("branch", "stable")
	n.git("tag", "-a", "-m", "unsigned", "unsigned")
	n.manyRefs(200)
	return n, open(t, serve(t, n.dir).URL+"/.git", gitsource.Auth{}, gitsource.Options{}), all
}

func (n *notary) signTag(name string) {
	n.Helper()
	n.git("-c", "gpg.format=ssh", "-c", "user.signingkey="+filepath.Join(n.keys, "ed"), "tag", "-f", "-s", "-m", name,
		name)
}

// A tag is verified as its own Sync found it, whatever another Sync of the same repository asks for in between: a look
// for few of many refs, a look that fails, or none of the refs at all.
func TestTagsAreVerifiedAmongLooksOfOthers(t *testing.T) {
	t.Parallel()
	n, r, all := sharedTags(t)
	// What is nowhere has all refs asked for, and what is looked for then is all that is known of them.
	others := [][]gitsource.Ref{{main}, {{Branch: "nowhere"}, main}, {{Branch: "nowhere"}, {Tag: "unsigned"}},
		{{Branch: "nowhere"}}}
	for _, ref := range []gitsource.Ref{{Tag: "v1.0.0"}, {Tag: "refs/tags/v1.0.0"}, {SemVer: ">=1"},
		{Name: "refs/tags/v1.1.0"}} {
		for _, other := range others {
			at, err := r.Head(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range other {
				_, _ = r.Head(t.Context(), ref)
			}
			if problem, err := r.VerifyTag(ref, at, all); err != nil || problem != "" {
				t.Errorf("%s after looks for %s: %q, %v", ref, other, problem, err)
			}
		}
	}
	ref := gitsource.Ref{Tag: "unsigned"}
	at := n.git("rev-parse", "main")
	if _, err := r.Head(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	head(t, r)
	if problem, err := r.VerifyTag(ref, at, all); err != nil || problem != "is not signed" {
		t.Errorf("an unsigned tag: %q, %v", problem, err)
	}
}

// That the tag cannot be looked at, or is not where it was, is no word about its signature: an error, so that it is
// tried again. What can never be a tag is said without a look.
func TestTagsThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	n, r, all := sharedTags(t)
	ref, old := gitsource.Ref{Tag: "v1.0.0"}, n.git("rev-parse", "v1.0.0^{commit}")
	if problem, err := r.VerifyTag(ref, old, all); err == nil || problem != "" ||
		!strings.Contains(err.Error(), "next poll") {
		t.Errorf("before the first look: %q, %v", problem, err)
	}
	n.signTag("v1.0.0") // has moved to c2
	moved, err := r.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if problem, err := r.VerifyTag(ref, old, all); err == nil || problem != "" ||
		!strings.Contains(err.Error(), "is at "+moved[:10]) {
		t.Errorf("of the commit that it was at: %q, %v", problem, err)
	}
	for _, ref := range []gitsource.Ref{main, {Name: "HEAD"}, {Name: "refs/pull/7/head"}, {Commit: old}} {
		if problem, err := r.VerifyTag(ref, old, all); err != nil || !strings.Contains(problem, "is no tag") {
			t.Errorf("%s: %q, %v", ref, problem, err)
		}
	}
}

// A tag that the mirror has lost is an error that names what is missing, and the next poll brings it back.
func TestALostTagIsBroughtBack(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	all := signers(t, "", "ada@example.com "+n.sshKey("ed", "ed25519"))
	n.commit("c1")
	n.signTag("v1.0.0")
	store := t.TempDir()
	mirrors := gitsource.Open(store, patient(gitsource.Options{}))
	t.Cleanup(mirrors.Close)
	r, err := mirrors.Repository(n.dir, gitsource.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	ref := gitsource.Ref{Tag: "v1.0.0"}
	at, err := r.Head(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	packs, err := filepath.Glob(filepath.Join(store, "*", "*.git", "objects", "pack", "pack-*"))
	if err != nil || len(packs) == 0 {
		t.Fatal(packs, err)
	}
	for _, pack := range packs {
		if err := os.Remove(pack); err != nil {
			t.Fatal(err)
		}
	}
	r.Reopen()
	problem, err := r.VerifyTag(ref, at, all)
	if !errors.Is(err, gitsource.ErrAbsent) || problem != "" || strings.Contains(err.Error(), "0000000") {
		t.Errorf("without its object: %q, %v", problem, err)
	}
	if again, err := r.Head(t.Context(), ref); err != nil || again != at {
		t.Fatal(again, err)
	}
	if problem, err := r.VerifyTag(ref, at, all); err != nil || problem != "" {
		t.Errorf("after the next poll: %q, %v", problem, err)
	}
}
