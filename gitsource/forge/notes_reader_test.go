package forge_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// listener reads what clusters have told in a repository that is served.
type listener struct {
	*repo
	server *server
	reader *forge.NotesReader
	folder string
}

func listens(r *repo) *listener {
	l := &listener{repo: r, server: serve(r), folder: r.TempDir()}
	l.reader = l.opened()
	return l
}

func (l *listener) opened() *forge.NotesReader {
	return forge.NewNotesReader(l.server.URL+"/.git", func(context.Context) (remote.Auth, error) {
		return remote.Auth{Username: "ada", Password: secret}, nil
	}, l.folder, remote.Reach{})
}

// tips are where the refs of notes are.
func (l *listener) tips() map[string]string {
	tips := map[string]string{}
	for line := range strings.Lines(l.git("for-each-ref", "--format=%(refname) %(objectname)", forge.NotesPrefix)) {
		ref, tip, _ := strings.Cut(strings.TrimSpace(line), " ")
		tips[ref] = tip
	}
	return tips
}

// hear reads, and returns what was said by each cluster, as "cluster commit state", and what it took of requests.
func (l *listener) hear(tips map[string]string, commits ...string) (said []string, requests int64) {
	l.Helper()
	before := l.server.requests.Load()
	heard, err := l.reader.Read(l.Context(), tips, commits)
	if err != nil {
		l.Fatal(err)
	}
	for _, h := range heard {
		if h.Trouble != nil {
			said = append(said, h.Cluster+" !")
		}
		for _, s := range h.Statuses {
			said = append(said, fmt.Sprintf("%s %d %s", h.Cluster, slices.Index(commits, s.Commit), s.Details.State))
		}
	}
	return said, l.server.requests.Load() - before
}

// tells has a cluster tell what a commit is, whose state it takes over if any.
func (l *listener) tells(cluster, commit, state, by string) {
	l.Helper()
	s := status(commit, "daemongate/"+cluster, forge.Success, state)
	s.Details = forge.Details{Sync: "platform/agents", State: state, By: by}
	report(l, forge.NewNotes(l.dir, cluster, remote.Auth{}, l.TempDir()), s)
}

func (l *listener) says(got []string, want ...string) {
	l.Helper()
	if !slices.Equal(got, want) {
		l.Errorf("heard %q, want %q", got, want)
	}
}

// What clusters have told of some commits is read in one fetch, and not again while their refs stand still; of what is
// new, that alone comes, and of no ref its history. What a commit takes over from another one is read with it.
func TestWhatClustersTellIsReadOnce(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 3)
	l := listens(r)
	for _, cluster := range []string{"eu", "us"} {
		for range 5 {
			l.tells(cluster, commits[0], "RollingOut", "")
			l.tells(cluster, commits[0], "Complete", "")
		}
	}
	said, requests := l.hear(l.tips(), commits[0], commits[1])
	if l.says(said, "eu 0 Complete", "us 0 Complete"); requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
	commitsOf := func() int {
		kinds := l.git("--git-dir="+l.folder, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
		return strings.Count(kinds, "commit")
	}
	if n := commitsOf(); n != 2 {
		t.Errorf("%d commits of notes came, want the newest of each", n)
	}
	if _, requests := l.hear(l.tips(), commits[0], commits[1], commits[2]); requests != 0 {
		t.Errorf("%d requests, and nothing is new", requests)
	}
	l.tells("us", commits[2], "Unchanged", commits[1])
	l.tells("us", commits[1], "Complete", "")
	said, requests = l.hear(l.tips(), commits[2])
	if l.says(said, "us 0 Unchanged", "us -1 Complete"); requests != 1 || commitsOf() != 3 {
		t.Errorf("%d requests, and %d commits are there", requests, commitsOf())
	}
	l.reader = l.opened() // after a restart
	if said, requests := l.hear(l.tips(), commits[2]); requests != 0 || len(said) != 2 {
		t.Errorf("after a restart %d requests, heard %q", requests, said)
	}
}

// A ref that has moved since it was seen is read where it is, and one that is gone is left out.
func TestARefThatMovesWhileItIsRead(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	l.tells("eu", commits[0], "RollingOut", "")
	l.tells("gone", commits[0], "Complete", "")
	tips := l.tips()
	l.tells("eu", commits[0], "Complete", "")
	l.git("update-ref", "-d", forge.RefOf("gone"))
	said, _ := l.hear(tips, commits[0])
	l.says(said, "eu 0 Complete")
}

// Whatever one cluster's ref is at, the others are read: a file that is no commit, a note that is none, or more than is
// taken of one. It is said, not asked for at each look, and read again when the ref has moved.
func TestWhatIsWrongWithOneClusterHurtsNoOther(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 2)
	l := listens(r)
	l.reader.Bound(1 << 20)
	for _, cluster := range []string{"eu", "fat", "us", "zz"} {
		l.tells(cluster, commits[0], "Complete", "")
	}
	l.git("update-ref", forge.RefOf("eu"), l.gitIn("no commit", "hash-object", "-w", "--stdin"))
	l.gitIn(strings.Repeat("x", 70<<10), "notes", "--ref=daemongate/us", "add", "-f", "-F", "-", commits[0])
	noise := filepath.Join(t.TempDir(), "noise")
	if err := os.WriteFile(noise, random(3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	blob := l.git("hash-object", "-w", noise)
	tree := l.gitIn(fmt.Sprintf("100644 blob %s\tnoise\n", blob), "mktree")
	l.git("update-ref", forge.RefOf("fat"), l.git("commit-tree", "-m", "x", tree))
	said, _ := l.hear(l.tips(), commits[0])
	l.says(said, "eu !", "us !", "zz 0 Complete") // what came with others may be more

	l.tells("fat", commits[1], "Complete", "")
	l.folder = t.TempDir()
	l.reader = l.opened()
	l.reader.Bound(1 << 20)
	tips := map[string]string{forge.RefOf("fat"): l.tips()[forge.RefOf("fat")]}
	said, requests := l.hear(tips, commits[1])
	if l.says(said, "fat !"); requests != 1 {
		t.Errorf("%d requests for what is too much", requests)
	}
	if _, requests := l.hear(tips, commits[1]); requests != 0 {
		t.Errorf("%d requests for what was too much a moment ago", requests)
	}
	l.git("update-ref", "-d", forge.RefOf("fat"))
	l.tells("fat", commits[1], "Complete", "")
	said, _ = l.hear(l.tips(), commits[1])
	l.says(said, "eu !", "fat 0 Complete")
}

// What is small to push and large to read, a note that all commits have, is that cluster's trouble.
func TestWhatIsLargeToReadHurtsNoOther(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	l.tells("eu", commits[0], "Complete", "")
	blob := l.gitIn(strings.Repeat("x\n", 30<<10), "hash-object", "-w", "--stdin")
	var folder strings.Builder
	for n := range 2000 {
		commits = append(commits, fmt.Sprintf("%040x", n))
		fmt.Fprintf(&folder, "100644 blob %s\t%040x\n", blob, n)
	}
	l.git("update-ref", forge.RefOf("wide"), l.git("commit-tree", "-m", "x", l.gitIn(folder.String(), "mktree")))
	heard, _ := l.hear(l.tips(), commits...)
	l.says(heard, "eu 0 Complete", "wide !")
}

// A submodule among the folders of notes is no folder: nothing is missing here, and what was fetched stays.
func TestASubmoduleAmongNotesIsNone(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	l.tells("eu", commits[0], "Complete", "")
	blob := l.gitIn("x", "hash-object", "-w", "--stdin")
	below := l.gitIn(fmt.Sprintf("100644 blob %s\t%s\n", blob, strings.Repeat("0", 38)), "mktree")
	other := "00"
	if commits[0][:2] == other {
		other = "01"
	}
	tree := l.gitIn(fmt.Sprintf("040000 tree %s\t%s\n160000 commit %s\t%s\n", below, other, strings.Repeat("1", 40), commits[0][:2]),
		"mktree", "--missing")
	l.git("update-ref", forge.RefOf("us"), l.git("commit-tree", "-m", "x", tree))
	heard, _ := l.hear(l.tips(), commits[0])
	l.says(heard, "eu 0 Complete")
	if _, requests := l.hear(l.tips(), commits[0]); requests != 0 {
		t.Errorf("%d requests, and nothing is new", requests)
	}
}

// What was arriving when the process was killed is removed, and a folder in which something is missing is read anew.
func TestAFolderThatWasDamagedIsReadAnew(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	l.tells("eu", commits[0], "Complete", "")
	if err := os.MkdirAll(filepath.Join(l.folder, "arriving-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	l.hear(l.tips(), commits[0])
	if left, _ := filepath.Glob(filepath.Join(l.folder, "arriving-*")); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
	// the commit alone is left of what came
	commit := l.git("--git-dir="+l.folder, "cat-file", "commit", l.tips()[forge.RefOf("eu")])
	if err := os.RemoveAll(filepath.Join(l.folder, "objects", "pack")); err != nil {
		t.Fatal(err)
	}
	l.gitIn(commit+"\n", "--git-dir="+l.folder, "hash-object", "-w", "-t", "commit", "--stdin")
	damaged, _ := l.hear(l.tips(), commits[0])
	l.says(damaged, "eu !")
	said, _ := l.hear(l.tips(), commits[0])
	l.says(said, "eu 0 Complete")
}

// What was fetched of all refs together is bounded: above that the folder is begun anew, and what it says is the same.
func TestAFolderThatHasGrownIsReadAnew(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	l.reader.Keep(100)
	for _, state := range []string{"RollingOut", "Complete"} {
		l.tells("eu", commits[0], state, "")
		for range 2 {
			said, requests := l.hear(l.tips(), commits[0])
			if l.says(said, "eu 0 "+state); requests != 1 {
				t.Errorf("%d requests", requests)
			}
		}
	}
	if packs, _ := filepath.Glob(filepath.Join(l.folder, "objects", "pack", "*.pack")); len(packs) != 1 {
		t.Errorf("%d packs", len(packs))
	}
	l.reader.Keep(1 << 20)
	l.hear(l.tips(), commits[0])
	if _, requests := l.hear(l.tips(), commits[0]); requests != 0 {
		t.Errorf("%d requests, and nothing is new", requests)
	}
}

// A folder of very many packs is begun anew before the next is fetched, and not after it: what has come is there.
func TestWhatHasJustComeIsNotDropped(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	packs := filepath.Join(l.folder, "objects", "pack")
	if err := os.MkdirAll(packs, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range forge.MaxPacks {
		if err := os.WriteFile(filepath.Join(packs, fmt.Sprintf("old-%d.pack", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, state := range []string{"RollingOut", "Complete"} {
		l.tells("eu", commits[0], state, "")
		said, _ := l.hear(l.tips(), commits[0])
		l.says(said, "eu 0 "+state)
	}
	if left, _ := filepath.Glob(filepath.Join(packs, "*.pack")); len(left) != 1 {
		t.Errorf("%d packs", len(left))
	}
}

// Where the refs of notes are is asked of whatever server there is.
func TestWhereTheRefsOfNotesAre(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	if tips, err := l.reader.Tips(t.Context()); err != nil || len(tips) != 0 {
		t.Errorf("%v, %v", tips, err)
	}
	l.tells("eu", commits[0], "Complete", "")
	want := l.tips()
	r.git("update-ref", forge.HoldRefs+forge.HoldAll, commits[0])
	for _, url := range []string{l.server.URL + "/.git", r.dir} {
		reader := forge.NewNotesReader(url, func(context.Context) (remote.Auth, error) {
			return remote.Auth{Username: "ada", Password: secret}, nil
		}, t.TempDir(), remote.Reach{})
		if url == r.dir {
			reader = forge.NewNotesReader(url, func(context.Context) (remote.Auth, error) { return remote.Auth{}, nil }, t.TempDir(),
				remote.Reach{})
		}
		if tips, err := reader.Tips(t.Context()); err != nil || !maps.Equal(tips, want) {
			t.Errorf("%s: %v, %v", url, tips, err)
		}
	}
}

// The prefix of a pattern is that of the refs of all clusters that match it.
func TestRefsOfAPattern(t *testing.T) {
	for pattern, want := range map[string]string{"*": "", "canary-*": "canary-", "eu?": "eu", "eu.*": "eu", "eu-1": "eu-1", "_x": "",
		"a_b": "a", "ö": ""} {
		if got := forge.RefsOf(pattern); got != forge.NotesPrefix+"/"+want {
			t.Errorf("%s: %s", pattern, got)
		}
		if name := strings.NewReplacer("*", "x", "?", "y").Replace(pattern); !strings.HasPrefix(forge.RefOf(name), forge.RefsOf(pattern)) {
			t.Errorf("%s is not among %s", forge.RefOf(name), forge.RefsOf(pattern))
		}
	}
}

// random are bytes that no compression makes fewer.
func random(n int) []byte {
	content := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	return content
}

// A server that cannot be reached is an error of all, and none of a cluster's.
func TestAServerThatIsAwayIsNoClustersFault(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	l := listens(r)
	l.tells("eu", commits[0], "Complete", "")
	tips := l.tips()
	l.server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if _, err := l.reader.Read(ctx, tips, commits); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("the error is %v", err)
	}
}
