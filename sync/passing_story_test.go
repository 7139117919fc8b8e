package sync

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	gosync "sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// statusWrites are the writes of Syncs and of their statuses that the API server has answered: how many by Sync, and
// how many it refused because somebody else had written.
type statusWrites struct {
	mu        gosync.Mutex
	of        map[string]int
	conflicts int
}

// counted is a connection whose writes of Syncs are counted.
func counted(of *rest.Config) (*rest.Config, *statusWrites) {
	config, n := rest.CopyConfig(of), &statusWrites{of: map[string]int{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(r)
			if at := r.URL.Path; err == nil && r.Method != http.MethodGet && path.Base(path.Dir(path.Dir(at))) == "syncs" ||
				err == nil && r.Method != http.MethodGet && path.Base(path.Dir(at)) == "syncs" {
				n.mu.Lock()
				defer n.mu.Unlock()
				if path.Base(at) == "status" {
					n.of[path.Base(path.Dir(at))]++
				}
				if answer.StatusCode == http.StatusConflict {
					n.conflicts++
				}
			}
			return answer, err
		})
	})
	return config, n
}

func (n *statusWrites) count(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.of[name]
}

// passer is told of the commits that pass without a change.
type passer struct {
	teller
	mu     gosync.Mutex
	passed map[string]bool // by Sync and commit
}

func (p *passer) Tell(s *api.Sync, n News) {
	p.teller.Tell(s, n)
	if n.Move != nil && n.Move.State == api.Unchanged {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.passed[s.Name+" "+n.Commit] = true
	}
}

func (p *passer) has(name, commit string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed[name+" "+commit]
}

// passingWorld is a world with one Sync for each of some folders, none of which reports.
func passingWorld(t testing.TB, folders ...string) (w *world, v1 string) {
	t.Helper()
	w = newWorld(t)
	w.check(mkdir(w.work, folders...))
	files := map[string]string{}
	for _, folder := range folders {
		files[folder+"/map.yaml"] = configMap(folder, "1")
	}
	v1 = w.push("v1", files)
	for _, folder := range folders {
		w.createAs(folder, func(s *api.SyncSpec) {
			s.Source.Path, s.Report = folder, api.Report{Provider: api.ProviderNone}
		})
	}
	return w, v1
}

// A Sync that commits do not concern writes nothing for them, also over a restart: when it has something to say, or a
// person asks, its status has each of them in one state (law 3). None of the writes is refused because of another one.
func TestACommitIsFreeForWhomItDoesNotConcern(t *testing.T) {
	t.Parallel()
	w, v1 := passingWorld(t, "one", "other")
	config, writes := counted(shared.Config)
	c := w.newController(w.namespace, config, t.TempDir())
	p := &passer{teller: teller{t}, passed: map[string]bool{}}
	c.Teller = p
	stop := w.start(c)
	complete := func(name, commit string) {
		t.Helper()
		w.eventually(name+" to be complete", func() bool {
			s := w.of(name)
			return s.LastComplete == commit && s.InFlight.Pruned // then nothing of it is left to write
		})
	}
	complete("one", v1)
	complete("other", v1)
	before := writes.count("other")
	var commits []string
	looked := 0 // how many writes say that a commit is looked into, which takes long on a busy machine
	push := func(i int) (commit string) {
		began := time.Now()
		defer func() {
			if time.Since(began) > progressPause/2 {
				looked += 2
			}
		}()
		commit = w.push(fmt.Sprint("one ", i), map[string]string{"one/map.yaml": configMap("one", fmt.Sprint(i))})
		complete("one", commit)
		w.eventually("other to pass it", func() bool { return p.has("other", commit) })
		commits = append(commits, commit)
		return commit
	}
	for i := range 5 {
		push(i)
	}
	if n := writes.count("other") - before; n > looked {
		t.Errorf("%d writes for 5 commits that change nothing", n)
	}
	stop()
	c = w.newController(w.namespace, config, t.TempDir())
	c.Teller = p
	w.start(c)
	last := push(5)
	w.check(w.syncs.Request(t.Context(), w.namespace, "other", time.Now()))
	w.eventually("what was asked for", func() bool { return w.of("other").Passed == last })
	s, seen := w.of("other"), map[string]api.CommitState{}
	for _, r := range s.History {
		if state, twice := seen[r.Commit]; twice {
			t.Errorf("%s is %s and %s", api.Short(r.Commit), state, r.State)
		}
		seen[r.Commit] = r.State
	}
	for _, commit := range commits {
		if !slices.Contains([]api.CommitState{api.Unchanged, api.Carried}, seen[commit]) {
			t.Errorf("%s is %q", api.Short(commit), seen[commit])
		}
	}
	if writes.conflicts > 0 {
		t.Errorf("%d writes were refused because of others that this controller made", writes.conflicts)
	}
	if s.Head != last || s.LastComplete != v1 {
		t.Errorf("head %s, complete %s", s.Head, s.LastComplete)
	}
}

// BenchmarkBystanders is how often the status of a Sync is written for each commit that does not concern it; against a
// Sync whose Git host is told of such commits, which writes at once.
func BenchmarkBystanders(b *testing.B) {
	const commits = 20
	w, _ := passingWorld(b, "one", "other")
	w.check(mkdir(w.work, "telling"))
	v1 := w.push("v1", map[string]string{"telling/map.yaml": configMap("telling", "1")})
	w.createAs("telling", func(s *api.SyncSpec) { s.Source.Path = "telling" })
	config, writes := counted(shared.Config)
	c := w.newController(w.namespace, config, b.TempDir())
	p := &passer{teller: teller{b}, passed: map[string]bool{}}
	c.Teller = p
	w.start(c)
	for _, name := range []string{"one", "other", "telling"} {
		w.eventually("v1", func() bool { return w.of(name).LastComplete == v1 })
	}
	rounds := 0
	other, telling := writes.count("other"), writes.count("telling")
	for b.Loop() {
		for range commits {
			rounds++
			commit := w.push("one", map[string]string{"one/map.yaml": configMap("one", fmt.Sprint(time.Now()))})
			w.eventually("it to pass", func() bool { return p.has("other", commit) && p.has("telling", commit) })
		}
	}
	b.ReportMetric(float64(writes.count("other")-other)/float64(rounds), "writes/commit")
	b.ReportMetric(float64(writes.count("telling")-telling)/float64(rounds), "writes/commit-if-told")
}
