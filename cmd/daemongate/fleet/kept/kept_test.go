package kept

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// stage is a repository, served over http, in which clusters tell what became of commits, and who keeps that.
type stage struct {
	*testing.T
	dir, url string
	requests atomic.Int64
	kept     *Kept
	folder   string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, dir: filepath.Join(t.TempDir(), "fleet"), folder: t.TempDir()}
	gittest.Commit(t, s.dir, "a.yaml", "one")
	at, err := url.Parse(gittest.ServeHTTP(t, filepath.Dir(s.dir), "", func() {}))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(at)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/fleet/.git"
	store := gitsource.Open(t.TempDir(), gitsource.Options{})
	t.Cleanup(store.Close)
	s.kept = Keep(Reader{Folder: s.folder,
		Repository: func(_ context.Context, one *api.Sync) (*gitsource.Repository, error) {
			return store.Repository(one.Spec.Source.URL, gitsource.Auth{})
		},
		Auth: func(*api.Sync) gitsource.Source {
			return func(context.Context) (gitsource.Auth, error) { return gitsource.Auth{}, nil }
		}})
	t.Cleanup(s.kept.Close)
	return s
}

// sync is one that follows the repository.
func (s *stage) sync() *api.Sync {
	one := &api.Sync{}
	one.Namespace, one.Name = "platform", "agents"
	one.Spec.Source.URL = s.url
	return one
}

func (s *stage) head() string { return strings.TrimSpace(gittest.Run(s, s.dir, "rev-parse", "HEAD")) }

// tell writes as a cluster does, of the newest commit.
func (s *stage) tell(cluster string, state api.CommitState) {
	s.Helper()
	n := forge.NewNotes(s.dir, cluster, remote.Auth{}, filepath.Join(filepath.Dir(s.dir), "notes"))
	err := n.Report(s.Context(), []forge.Status{{Commit: s.head(), Context: "daemongate/" + cluster + "/platform/agents",
		State: forge.Pending, Description: string(state), Time: time.Now(), Details: forge.Details{Sync: "platform/agents",
			State: string(state)}}}).Err()
	if err != nil {
		s.Fatal(err)
	}
}

// says is what was told of the newest commit.
func says(f Fleet) string {
	var list []string
	for _, one := range f.Said {
		list = append(list, one.Cluster+" "+one.Details.State)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// A fleet is read once for all who look, and again only where something has changed since; while nobody looks nobody is
// asked.
func TestAFleetIsReadOnceForAllWhoLook(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, cluster := range []string{"canary", "eu", "us"} {
		s.tell(cluster, api.Complete)
	}
	const want = "canary Complete, eu Complete, us Complete"
	f := s.kept.Of(t.Context(), s.sync(), 20)
	if got := says(f); got != want || len(f.Commits) != 1 || f.Why != "" || f.Read.IsZero() || strings.Join(f.Clusters, " ") != "canary eu us" {
		t.Fatalf("%s, %+v", got, f)
	}
	first := s.requests.Load()
	for range 50 {
		if got := says(s.kept.Of(t.Context(), s.sync(), 20)); got != want {
			t.Fatal(got)
		}
	}
	if now := s.requests.Load(); now != first {
		t.Errorf("who looks again costs %d requests", now-first)
	}
	s.kept.GoodFor = 0 // so that each look asks
	s.kept.Of(t.Context(), s.sync(), 20)
	before := s.requests.Load()
	packs, _ := filepath.Glob(filepath.Join(s.folder, "*", "objects", "pack", "*.pack"))
	s.kept.Of(t.Context(), s.sync(), 20)
	unchanged := s.requests.Load() - before
	s.tell("eu", api.Stuck)
	changed := s.kept.Changed()
	if got := says(s.kept.Of(t.Context(), s.sync(), 20)); got != "canary Complete, eu Stuck, us Complete" {
		t.Errorf("%s after a change", got)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was told of it")
	}
	now, _ := filepath.Glob(filepath.Join(s.folder, "*", "objects", "pack", "*.pack"))
	if len(now) != len(packs)+1 || unchanged > 2 {
		t.Errorf("%d packs became %d; a look at which nothing has changed costs %d requests", len(packs), len(now), unchanged)
	}
}

// Who looks does not wait for a repository that does not come, and is told why nothing is known, or nothing newer, without
// what is known being lost; one that is suspended is not asked.
func TestWhatIsKnownStaysWhereNothingNewerIs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	suspended := s.sync()
	suspended.Spec.Suspend = true
	if f := s.kept.Of(t.Context(), suspended, 20); f.Why != Suspended || s.requests.Load() > 0 {
		t.Errorf("suspended: %+v, %d requests", f, s.requests.Load())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if f := s.kept.Of(gone, s.sync(), 20); !f.Read.IsZero() || !strings.Contains(f.Why, "being read") {
		t.Errorf("at once: %+v", f)
	}
	s.kept.Of(t.Context(), s.sync(), 20) // so that no look is under way that began before
	s.tell("eu", api.Complete)
	s.kept.GoodFor = 0
	if got := says(s.kept.Of(t.Context(), s.sync(), 20)); got != "eu Complete" {
		t.Fatal(got)
	}
	if err := os.Rename(s.dir, s.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	f := s.kept.Of(t.Context(), s.sync(), 20)
	if says(f) != "eu Complete" || !strings.Contains(f.Why, "The repository cannot be read") {
		t.Errorf("away: %+v", f)
	}
	if f := s.kept.Of(t.Context(), suspended, 20); says(f) != "eu Complete" || f.Why != Suspended {
		t.Errorf("suspended: %+v", f)
	}
}

// Somebody who asks for more commits gets them, and who asks for less gets what was told of these.
func TestMoreCommitsAreReadForWhoAsks(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.tell("eu", api.Complete)
	gittest.Commit(t, s.dir, "a.yaml", "two")
	s.tell("eu", api.Stuck)
	for most, want := range map[int]string{1: "eu Stuck", 2: "eu Complete, eu Stuck"} {
		for range 2 {
			if f := s.kept.Of(t.Context(), s.sync(), most); says(f) != want || len(f.Commits) != most {
				t.Errorf("%d: %s of %d commits", most, says(f), len(f.Commits))
			}
		}
	}
	pinned := s.sync()
	pinned.Spec.Source.Ref.Commit = s.head()
	if f := s.kept.Of(t.Context(), pinned, 20); says(f) != "eu Complete, eu Stuck" {
		t.Errorf("pinned: %s, %s", says(f), f.Why)
	}
}

// What was fetched is bounded, and gone when nobody keeps it.
func TestWhatWasFetchedIsRemoved(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.tell("eu", api.Complete)
	for i := range mostKept + 4 {
		gittest.Run(t, s.dir, "branch", fmt.Sprint("b", i))
		one := s.sync()
		one.Spec.Source.Ref.Branch = fmt.Sprint("b", i)
		if f := s.kept.Of(t.Context(), one, 20); says(f) != "eu Complete" {
			t.Fatalf("%s: %s", one.Spec.Source.Ref.Branch, f.Why)
		}
	}
	if left, _ := os.ReadDir(s.folder); len(left) != mostKept {
		t.Errorf("%d folders", len(left))
	}
	s.kept.mu.Lock()
	var last *fleet
	for f := range s.kept.all {
		f.bytes = mostOfAll/mostKept + 1
		last = f
	}
	s.kept.tidy(last)
	s.kept.mu.Unlock()
	if left, _ := os.ReadDir(s.folder); len(left) != mostKept-1 {
		t.Errorf("%d folders, which are too much together", len(left))
	}
	s.kept.Close()
	if left, _ := os.ReadDir(s.folder); len(left) > 0 {
		t.Errorf("%d folders are left", len(left))
	}
	if f := s.kept.Of(t.Context(), s.sync(), 20); !strings.Contains(f.Why, "being closed") {
		t.Errorf("afterwards: %+v", f)
	}
}
