package source

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
	"github.com/daemongate/daemongate/sync/promotion"
)

// simulated is a fleet of clusters that follow one repository on a real Git server: the polls, mirrors, notes and gates
// of each are its own, and real; what is played is the cluster behind, in minutes, each of which polls once.
type simulated struct {
	*testing.T
	dir, url string
	clusters []*simulatedCluster
	now      time.Time
	rollout  time.Duration // how long one takes
	requests atomic.Int64
	sent     atomic.Int64 // bytes
	missed   atomic.Int64 // polls that failed
	broken   map[string]bool
}

// simulatedCluster is one of them.
type simulatedCluster struct {
	*gatetest.Stage
	name   string
	sync   *api.Sync
	source *Source
	notes  *forge.Notes
	done   chan struct{}
	told   map[string]string
	lands  time.Time // when what is in flight will have settled
}

// rolloutTime is how long a rollout takes at first, and soakTime for how long each wave is looked at.
const (
	rolloutTime = 2 * time.Minute
	soakTime    = 3 * time.Minute
)

// ServeHTTP serves the repository as git-http-backend does, with one process of git less for each request.
func (f *simulated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests.Add(1)
	args := []string{"--stateless-rpc", f.dir}
	_, service, posted := strings.Cut(r.URL.Path, "/git-")
	var answer bytes.Buffer
	version := r.Header.Get("Git-Protocol")
	if !posted {
		service = strings.TrimPrefix(r.URL.Query().Get("service"), "git-")
		args = []string{"--stateless-rpc", "--advertise-refs", f.dir}
		if version == "" {
			line := "# service=git-" + service + "\n"
			fmt.Fprintf(&answer, "%04x%s0000", len(line)+4, line)
		}
	}
	c := exec.CommandContext(r.Context(), "git", append([]string{service}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_PROTOCOL="+version)
	c.Stdin, c.Stdout = r.Body, &answer
	if err := c.Run(); err != nil && answer.Len() == 0 {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f.sent.Add(int64(answer.Len()))
	_, _ = w.Write(answer.Bytes()) // who has gone hears nothing
}

// simulate is a fleet of so many clusters: two in a hundred, and at least two, are canaries, a tenth is a region that
// goes after all of those, and the rest goes after nine in ten of the region.
func simulate(t *testing.T, n int) *simulated {
	root := t.TempDir()
	f := &simulated{T: t, dir: filepath.Join(root, "fleet"), now: time.Now().Truncate(time.Second),
		rollout: rolloutTime, broken: map[string]bool{}}
	gittest.Commit(t, f.dir, "a.yaml", "0")
	gittest.Run(t, f.dir, "config", "receive.autogc", "false") // as hosts do, which have a time for that
	network := httptest.NewServer(f)
	t.Cleanup(network.Close)
	f.url = network.URL + "/fleet"
	canaries, region := max(2, n/50), max(2, n/10)
	soak := metav1.Duration{Duration: soakTime}
	for i := range n {
		switch {
		case i < canaries:
			f.adds(fmt.Sprintf("canary-%d", i))
		case i < canaries+region:
			f.adds(fmt.Sprintf("region-%d", i), api.After{Cluster: "canary-*", Count: int32(canaries), Soak: soak})
		default:
			f.adds(fmt.Sprintf("rest-%d", i), api.After{Cluster: "region-*", Count: int32(max(1, region*9/10)), Soak: soak})
		}
	}
	return f
}

func (f *simulated) check(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *simulated) adds(name string, after ...api.After) {
	c := &simulatedCluster{Stage: gatetest.NewStage(f.T), name: name, sync: &api.Sync{}, done: make(chan struct{}, 1), told: map[string]string{}}
	c.sync.Spec.Gate.After = after
	data := f.TempDir()
	store := gitsource.Open(data, gitsource.Options{})
	f.Cleanup(store.Close)
	repo, err := store.Repository(f.url, gitsource.Auth{})
	f.check(err)
	none := func(context.Context) (remote.Auth, error) { return remote.Auth{}, nil }
	c.notes = forge.NewNotes(f.url, name, remote.Auth{}, data+"/notes")
	c.source = Open(c.sync, f.now, Options{Repository: repo, Life: f.Context(), Background: func(do func()) { go do() },
		Wake: func(time.Time) { c.done <- struct{}{} }, Notes: func(*api.Sync) (NotesReader, error) {
			return forge.NewNotesReader(f.url, none, data+"/heard", remote.Reach{}), nil
		}})
	f.clusters = append(f.clusters, c)
}

// minute has all clusters poll once, decide, and tell, some at once.
func (f *simulated) minute() {
	f.now = f.now.Add(time.Minute)
	var all gosync.WaitGroup
	turns := make(chan struct{}, 8)
	for _, c := range f.clusters {
		all.Go(func() {
			turns <- struct{}{}
			c.turn(f)
			<-turns
		})
	}
	all.Wait()
}

// turn is a minute of one cluster.
func (c *simulatedCluster) turn(f *simulated) {
	c.sync.Status.Passed = c.State.Passed
	c.source.Ask()
	c.source.Poll(c.sync, f.now)
	<-c.done
	h, err := c.source.Last()
	if err != nil { // as in life, the next one is tried in a minute
		f.Logf("%s: %v", c.name, err)
		f.missed.Add(1)
		return
	}
	before := c.flying()
	c.Observation.Now, c.Observation.History = f.now, h
	find := func(string) *api.Sync { return nil }
	if len(c.sync.Spec.Gate.After) > 0 {
		c.Observation.Upstream = promotion.Look(promotion.RulesOf(c.sync, find, c.name, c.source.Others), h.Commits, f.now)
	}
	for _, one := range h.Commits {
		c.Play("set " + one.Hash + " " + one.Hash)
	}
	c.Play("polled")
	switch at := c.flying(); {
	case at != before:
		c.lands = f.now.Add(f.rollout)
		c.Play("written")
	case at != "" && !c.State.InFlight.State.Settled() && !f.now.Before(c.lands):
		if f.broken[c.name+" "+at] {
			c.Play("rollout Stuck CrashLoop on 1 node")
		} else {
			c.Play("rollout Complete\npruned")
		}
	}
	if err := c.notes.Report(f.Context(), c.news()).Err(); err != nil {
		f.Errorf("%s: %v", c.name, err)
	}
}

func (c *simulatedCluster) flying() string {
	if c.State.InFlight == nil {
		return ""
	}
	return c.State.InFlight.Commit
}

// news are the states that were not told yet.
func (c *simulatedCluster) news() (list []forge.Status) {
	for _, r := range c.State.History {
		if says := string(r.State) + string(r.Message.Public); c.told[r.Commit] != says {
			c.told[r.Commit] = says
			list = append(list, forge.Status{Commit: r.Commit, Context: "daemongate/" + c.name, State: forge.Pending, Time: r.Since.Time,
				Description: string(r.State) + ": " + string(r.Message.Public),
				Details:     forge.Details{Sync: "platform/agents", State: string(r.State), By: r.By, Outcome: string(r.Outcome)}})
		}
	}
	return list
}

// at counts the clusters of a wave in which a commit is in a state; of any state if it is empty.
func (f *simulated) at(wave, commit string, state api.CommitState) (n int) {
	for _, c := range f.clusters {
		if flight := c.State.InFlight; strings.HasPrefix(c.name, wave) && flight != nil && flight.Commit == commit &&
			(state == "" || flight.State == state) {
			n++
		}
	}
	return n
}

// until lets minutes pass until all of a wave are complete, and returns how many did.
func (f *simulated) until(commit string) (minutes int) {
	f.Helper()
	for minutes = range 60 {
		if f.at("", commit, api.Complete) == len(f.clusters) {
			return minutes
		}
		f.minute()
	}
	f.Fatalf("after an hour %d of %d clusters have it", f.at("", commit, api.Complete), len(f.clusters))
	return 0
}

func (f *simulated) head() string { return gittest.Run(f.T, f.dir, "rev-parse", "HEAD") }

func (f *simulated) push(text string) string { return gittest.Commit(f.T, f.dir, "a.yaml", text) }

// size is how many bytes the repository has on the server, packed as hosts do from time to time.
func (f *simulated) size() int {
	gittest.Run(f.T, f.dir, "gc", "-q")
	for line := range strings.Lines(gittest.Run(f.T, f.dir, "count-objects", "-v")) {
		if size, ok := strings.CutPrefix(line, "size-pack: "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(size))
			f.check(err)
			return n << 10
		}
	}
	return 0
}

// number is a number from the environment.
func number(t *testing.T, name, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: %q is no number", name, text)
	}
	return n
}

// A commit goes through canaries, a region and the rest of a fleet over one repository with real Git, each wave after the
// one before and its soak, whatever the size of the fleet. A cluster of the region in which the next one is stuck keeps it
// from the rest, however many others have it, and costs no push of those that wait; the fix goes through. Sizes are in
// FLEET_SIZES, and how many commits come afterwards in FLEET_COMMITS; what each takes is logged.
func TestACommitGoesThroughAFleet(t *testing.T) {
	for _, size := range strings.Split(cmp.Or(os.Getenv("FLEET_SIZES"), "6"), ",") {
		n := number(t, "FLEET_SIZES", size)
		t.Run(size, func(t *testing.T) { goesThrough(t, n) })
	}
}

func goesThrough(t *testing.T, n int) {
	f := simulate(t, n)
	first := f.head()
	took := f.measured("first commit, with the first mirrors", func() int { return f.until(first) })
	if least := 3*int(rolloutTime/time.Minute) + 2*int(soakTime/time.Minute); took < least {
		t.Errorf("it took %d minutes, and three rollouts and two soaks take %d", took, least)
	}
	second := f.push("1")
	f.measured("next commit", func() int { return f.until(second) })

	third := f.push("2")
	region := f.clusters[max(2, n/50)].name
	f.broken[region+" "+third] = true
	f.measured("a commit that is stuck in one of the region", func() int {
		for range 12 {
			f.minute()
		}
		return 12
	})
	if done, started := f.at("region", third, api.Complete), f.at("rest", third, ""); done != max(2, n/10)-1 || started > 0 {
		t.Errorf("%d of the region are complete, and %d of the rest have started", done, started)
	}
	requests := f.requests.Load()
	f.minute()
	quiet := float64(f.requests.Load()-requests) / float64(n)
	t.Logf("%d clusters: %.1f requests of each in a minute in which all wait", n, quiet)
	if quiet > 2.5 {
		t.Errorf("%.1f requests of each in a minute in which nothing changes", quiet)
	}
	fix := f.push("3")
	f.measured("the fix", func() int { return f.until(fix) })
	f.logSize(4)
	f.more(number(t, "FLEET_COMMITS", cmp.Or(os.Getenv("FLEET_COMMITS"), "1")))
}

func (f *simulated) logSize(commits int) {
	bytes, n := f.size(), len(f.clusters)
	f.Logf("%d clusters: the repository has %d kB after %d commits, %d bytes for each cluster and commit", n, bytes/1000, commits,
		bytes/n/commits)
}

// more has further commits go through, one after the other, each rollout in a minute.
func (f *simulated) more(commits int) {
	f.rollout = time.Minute
	for done := 0; done < commits; {
		some := min(100, commits-done)
		f.measured(fmt.Sprintf("commits %d to %d", done+5, done+some+4), func() (minutes int) {
			for range some {
				done++
				minutes += f.until(f.push(fmt.Sprint("more ", done)))
			}
			return minutes
		})
		f.logSize(done + 4)
	}
	sent := f.sent.Load()
	f.adds("rest-late", f.clusters[len(f.clusters)-1].sync.Spec.Gate.After...)
	f.clusters[len(f.clusters)-1].turn(f)
	f.Logf("one that joins them gets %d kB", (f.sent.Load()-sent)/1000)
	if missed := f.missed.Load(); missed > int64(len(f.clusters)) {
		f.Errorf("%d polls failed", missed)
	}
}

// measured logs what minutes of a fleet take.
func (f *simulated) measured(what string, do func() (minutes int)) int {
	began, requests, sent := time.Now(), f.requests.Load(), f.sent.Load()
	minutes := do()
	n := float64(len(f.clusters))
	f.Logf("%d clusters, %s: %d minutes, played in %s; of each cluster %.1f requests, %.1f of them a minute, and %.0f kB", len(f.clusters), what,
		minutes, time.Since(began).Round(time.Second), float64(f.requests.Load()-requests)/n, float64(f.requests.Load()-requests)/n/float64(minutes),
		float64(f.sent.Load()-sent)/n/1000)
	return minutes
}
