package source

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/promotion"
)

// counted counts how often notes are read.
type counted struct {
	NotesReader
	reads int
}

func (c *counted) Read(ctx context.Context, tips map[string]string, commits []string) ([]forge.Heard, error) {
	c.reads++
	return c.NotesReader.Read(ctx, tips, commits)
}

// listening is a Source that waits for other clusters, over a repository on disk.
type listening struct {
	*testing.T
	dir      string
	sync     *api.Sync
	source   *Source
	notes    *counted
	speakers map[string][]byte
	done     chan struct{}
}

func listens(t *testing.T, pinned bool, after ...api.After) *listening {
	t.Helper()
	l := &listening{T: t, dir: filepath.Join(t.TempDir(), "fleet"), sync: &api.Sync{}, done: make(chan struct{}, 1)}
	head := gittest.Commit(t, l.dir, "a.yaml", "one")
	l.sync.Spec.Gate.After = after
	if pinned {
		l.sync.Spec.Source.Ref.Commit = head
	}
	store := gitsource.Open(t.TempDir(), gitsource.Options{})
	t.Cleanup(store.Close)
	repo, err := store.Repository(l.dir, gitsource.Auth{})
	l.check(err)
	l.notes = &counted{NotesReader: forge.NewNotesReader(l.dir, func(context.Context) (remote.Auth, error) {
		return remote.Auth{}, nil
	}, t.TempDir(), remote.Reach{})}
	l.source = Open(l.sync, time.Now(), Options{Repository: repo, Life: t.Context(),
		Background: func(do func()) { go do() }, Wake: func(time.Time) { l.done <- struct{}{} },
		Notes: func(*api.Sync) (NotesReader, error) { return l.notes, nil },
		Speakers: func(_ context.Context, _ *api.Sync, secret string) (*gitsource.Signers, error) {
			if l.speakers[secret] == nil {
				return nil, fmt.Errorf("there is no Secret %s", secret)
			}
			return gitsource.ReadSigners(l.speakers)
		}})
	return l
}

func (l *listening) check(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// poll polls, and returns the clusters as they are seen then.
func (l *listening) poll() promotion.Clusters {
	l.Helper()
	l.source.Ask()
	l.source.Poll(l.sync, time.Now())
	<-l.done
	_, err := l.source.Last()
	l.check(err)
	return l.source.Others(api.After{})
}

// tells has a cluster tell what a commit is.
func (l *listening) tells(cluster, commit, state string) {
	l.Helper()
	n := forge.NewNotes(l.dir, cluster, remote.Auth{}, l.TempDir())
	l.check(n.Report(l.Context(), []forge.Status{{Commit: commit, Context: "daemongate/" + cluster, State: forge.Success,
		Time: time.Now(), Details: forge.Details{Sync: "platform/agents", State: state}}}).Err())
}

func (l *listening) head() string { return gittest.Run(l.T, l.dir, "rev-parse", "HEAD") }

// stateIn is what a cluster said of a commit.
func stateIn(c promotion.Clusters, cluster, commit string) api.CommitState {
	return c.Known[cluster].Syncs["platform/agents"][commit].State
}

// What other clusters have told of the commits that wait is known with the poll. It is read while a commit waits, and
// not again while nothing has changed; when nothing waits, it is not read.
func TestOthersAreHeardWhileACommitWaits(t *testing.T) {
	l := listens(t, false, api.After{Cluster: "canary-*", Count: 1})
	first := l.head()
	l.tells("canary-1", first, "Complete")
	l.tells("eu-1", first, "Complete")
	seen := l.poll()
	if stateIn(seen, "canary-1", first) != api.Complete || len(seen.Known) != 1 || seen.At.IsZero() || seen.Trouble != nil {
		t.Fatalf("seen are %+v", seen)
	}
	if again := l.poll(); l.notes.reads != 1 || !again.At.After(seen.At) {
		t.Errorf("%d reads, seen at %s and %s", l.notes.reads, seen.At, again.At)
	}
	l.tells("canary-1", first, "Stuck")
	if seen := l.poll(); stateIn(seen, "canary-1", first) != api.Stuck || l.notes.reads != 2 {
		t.Errorf("seen are %+v after %d reads", seen, l.notes.reads)
	}
	l.sync.Status.Passed = first
	l.poll()
	l.tells("canary-1", first, "Complete")
	if l.poll(); l.notes.reads != 2 {
		t.Errorf("%d reads, and nothing waits", l.notes.reads)
	}
	second := gittest.Commit(t, l.dir, "a.yaml", "two")
	l.tells("canary-1", second, "RollingOut")
	if seen := l.poll(); stateIn(seen, "canary-1", second) != api.RollingOut {
		t.Errorf("seen are %+v", seen)
	}
}

// A Sync that is pinned to a commit follows no ref, and sees what others tell of it all the same.
func TestAPinnedSyncHearsOthers(t *testing.T) {
	l := listens(t, true, api.After{Cluster: "canary-1"})
	for _, state := range []string{"RollingOut", "Complete"} {
		l.tells("canary-1", l.head(), state)
		if seen := l.poll(); stateIn(seen, "canary-1", l.head()) != api.CommitState(state) {
			t.Errorf("seen are %+v", seen)
		}
	}
}

// What keeps notes from being read, or signers, keeps nobody from seeing where the ref is; it is said instead, until it
// is over.
func TestWhatCannotBeHeardHoldsNoPoll(t *testing.T) {
	l := listens(t, false, api.After{Cluster: "canary-1", Verify: &api.AfterVerify{
		SecretRef: api.LocalObjectReference{Name: "speakers"}}})
	l.tells("canary-1", l.head(), "Complete")
	if seen := l.poll(); seen.Trouble == nil || !strings.Contains(seen.Trouble.Error(), "no Secret speakers") {
		t.Errorf("the trouble is %v", seen.Trouble)
	}
	key := "canary-1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFI6sTbeMvKyGx0ljWO4RFN1PCCFoDvEkFwl0GQ2ZQ0K"
	l.speakers = map[string][]byte{"speakers": []byte(key)}
	seen := l.poll()
	if why := seen.Known["canary-1"].Refused["speakers"]; seen.Trouble != nil || !strings.Contains(string(why), "is not signed") {
		t.Errorf("the trouble is %v, refused is %q", seen.Trouble, why)
	}
	reader := l.notes.NotesReader
	l.notes.NotesReader = nobody{}
	l.tells("canary-1", l.head(), "Stuck")
	if seen := l.poll(); seen.Trouble == nil || !strings.Contains(seen.Trouble.Error(), "no route") {
		t.Errorf("the trouble is %v", seen.Trouble)
	}
	l.notes.NotesReader = reader
	if seen := l.poll(); seen.Trouble != nil || stateIn(seen, "canary-1", l.head()) != api.Stuck {
		t.Errorf("seen are %+v", seen)
	}
}

// What cannot be read of one cluster is tried again after pauses, and not at each poll; when its ref has moved, at once.
func TestWhatStaysUnreadableIsNotReadAtEachPoll(t *testing.T) {
	l := listens(t, false, api.After{Cluster: "canary-*", Count: 1})
	l.tells("canary-1", l.head(), "Complete")
	blob := gittest.Run(t, l.dir, "rev-parse", "HEAD:a.yaml")
	gittest.Run(t, l.dir, "update-ref", forge.RefOf("canary-2"), blob)
	for range 4 {
		seen := l.poll()
		if seen.Known["canary-2"].Unread == "" || stateIn(seen, "canary-1", l.head()) != api.Complete {
			t.Fatalf("seen are %+v", seen)
		}
	}
	if l.notes.reads != 1 {
		t.Errorf("%d reads of what has not changed", l.notes.reads)
	}
	l.source.others.unread.again = time.Now()
	if l.poll(); l.notes.reads != 2 || !l.source.others.unread.again.After(time.Now().Add(90*time.Second)) {
		t.Errorf("%d reads, and the next one at %s", l.notes.reads, l.source.others.unread.again)
	}
	gittest.Run(t, l.dir, "update-ref", "-d", forge.RefOf("canary-2"))
	l.tells("canary-2", l.head(), "Complete")
	if seen := l.poll(); stateIn(seen, "canary-2", l.head()) != api.Complete || l.source.others.unread.times != 0 {
		t.Errorf("seen are %+v", seen)
	}
}

// An earlier state that was signed once, and is put back, does not count again; the next one that is signed does.
func TestASignedStateThatIsPutBackDoesNotCount(t *testing.T) {
	l := listens(t, false, api.After{Cluster: "canary-1", Verify: &api.AfterVerify{
		SecretRef: api.LocalObjectReference{Name: "speakers"}}})
	_, private, err := ed25519.GenerateKey(nil)
	l.check(err)
	key, err := ssh.NewSignerFromKey(private)
	l.check(err)
	l.speakers = map[string][]byte{"speakers": append([]byte("canary-1 "), ssh.MarshalAuthorizedKey(key.PublicKey())...)}
	folder := t.TempDir()
	refused := func(state string, at time.Time) api.Public {
		t.Helper()
		n := forge.NewNotes(l.dir, "canary-1", remote.Auth{}, folder)
		n.SignBy(func() ([]ssh.Signer, error) { return []ssh.Signer{key}, nil })
		l.check(n.Report(t.Context(), []forge.Status{{Commit: l.head(), Context: "daemongate/canary-1", State: forge.Success,
			Time: at, Details: forge.Details{Sync: "platform/agents", State: state}}}).Err())
		return l.poll().Known["canary-1"].Refused["speakers"]
	}
	now := time.Now()
	if why := refused("Complete", now); why != "" {
		t.Fatalf("refused: %s", why)
	}
	ref := forge.RefOf("canary-1")
	complete := gittest.Run(t, l.dir, "rev-parse", ref)
	for second := now.Unix(); time.Now().Unix() == second; { // times of commits are in seconds
		time.Sleep(50 * time.Millisecond)
	}
	if why := refused("Stuck", now); why != "" {
		t.Fatalf("refused: %s", why)
	}
	gittest.Run(t, l.dir, "update-ref", ref, complete)
	if why := l.poll().Known["canary-1"].Refused["speakers"]; !strings.Contains(string(why), "an earlier state back") {
		t.Errorf("an earlier state that was put back: %q", why)
	}
	if why := refused("Failed", now); why != "" {
		t.Errorf("the next state is refused: %s", why)
	}
}

// aged is a repository that another Sync has polled some time ago, until somebody asks for what is newer.
type aged struct {
	Repository
	age   time.Duration
	asked int
}

func (a *aged) HeadWithin(ctx context.Context, ref gitsource.Ref, age time.Duration) (string, error) {
	if age < a.age {
		a.asked++
		a.age, age = 0, 0
	}
	return a.Repository.HeadWithin(ctx, ref, age)
}

func (a *aged) Beside(prefix string) (map[string]string, time.Time) {
	refs, at := a.Repository.Beside(prefix)
	if !at.IsZero() {
		at = at.Add(-a.age)
	}
	return refs, at
}

// A commit is not let through by what another Sync's poll has seen a while ago: the server is asked again. While none
// waits, that is new enough.
func TestNoCommitIsLetThroughByAnOldAnswer(t *testing.T) {
	l := listens(t, false, api.After{Cluster: "canary-1"})
	l.tells("canary-1", l.head(), "Complete")
	repo := &aged{Repository: l.source.options.Repository}
	l.source.options.Repository = repo
	look := func(waits bool) time.Duration {
		t.Helper()
		r := reading{repo: repo, follows: refOf(l.sync), age: time.Minute}
		found, err := l.source.others.look(t.Context(), r, []string{"canary-1"}, time.Now(), waits)
		l.check(err)
		if len(found.tips) != 1 {
			t.Errorf("the refs are %v", found.tips)
		}
		return time.Since(found.at).Round(time.Second)
	}
	l.poll()
	repo.age, repo.asked = 45*time.Second, 0
	if age := look(false); age < 45*time.Second || repo.asked != 0 {
		t.Errorf("while nothing waits: %s old, asked %d times", age, repo.asked)
	}
	if age := look(true); age > maxOld || repo.asked != 1 {
		t.Errorf("while a commit waits: %s old, asked %d times", age, repo.asked)
	}
	if look(true); repo.asked != 1 {
		t.Errorf("just afterwards: asked %d times", repo.asked)
	}
}

// More clusters than can be read are said, and let nothing through.
func TestTooManyClustersAreSaid(t *testing.T) {
	l := listens(t, false, api.After{Cluster: "canary-*"})
	l.tells("canary-1", l.head(), "Complete")
	tip := gittest.Run(t, l.dir, "rev-parse", forge.RefOf("canary-1"))
	var refs strings.Builder
	for i := range maxClusters {
		fmt.Fprintf(&refs, "%s %s\n", tip, forge.RefOf(fmt.Sprintf("canary-x%d", i)))
	}
	l.check(os.WriteFile(filepath.Join(l.dir, ".git", "packed-refs"), []byte(refs.String()), 0o600))
	if seen := l.poll(); seen.Trouble == nil || !strings.Contains(seen.Trouble.Error(), "4097 clusters") || l.notes.reads > 0 {
		t.Errorf("the trouble is %v", seen.Trouble)
	}
}

type nobody struct{}

func (nobody) Read(context.Context, map[string]string, []string) ([]forge.Heard, error) {
	return nil, errors.New("no route")
}
