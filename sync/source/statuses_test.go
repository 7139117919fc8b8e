package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/statuses"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/promotion"
)

// playedHost is a Git host with statuses, and whoever waits for what they say. A real one stands behind the story of
// package sync.
type playedHost struct {
	*testing.T
	stands map[string][]statuses.Status // by commit, the newest first
	asked  [][]string                   // at each time
	fails  error
	opened int

	sync   *api.Sync
	hosted hosted
}

func playHost(t *testing.T, after ...api.After) *playedHost {
	w := &playedHost{T: t, stands: map[string][]statuses.Status{}, sync: &api.Sync{}}
	for i := range after {
		after[i].Channel = api.ChannelStatuses
	}
	w.sync.Spec.Gate.After = after
	return w
}

func (w *playedHost) Read(_ context.Context, commits []string) (map[string][]statuses.Status, error) {
	w.asked = append(w.asked, slices.Clone(commits))
	if w.fails != nil {
		return nil, w.fails
	}
	read := map[string][]statuses.Status{}
	for _, c := range commits {
		read[c] = w.stands[c]
	}
	return read, nil
}

// tells has a cluster tell a state of a commit, by an account.
func (w *playedHost) tells(cluster, by, commit string, state forge.State, text string) {
	s := statuses.Status{Context: "daemongate/" + cluster + "/platform/agents", State: state, Description: text, Creator: by, Time: time.Now()}
	w.stands[commit] = append([]statuses.Status{s}, w.stands[commit]...)
}

// poll reads as a poll does at which commits wait, the oldest first.
func (w *playedHost) poll(waiting ...string) {
	h := &gate.History{}
	for _, c := range waiting {
		h.Commits = append(h.Commits, gate.Commit{Hash: c})
	}
	from := Options{Statuses: func(context.Context, *api.Sync) (StatusReader, error) { w.opened++; return w, nil }}
	w.hosted.read(w.Context(), reading{}, w.sync, h, from, time.Now())
}

// last is what the first entry hears.
func (w *playedHost) last() promotion.Clusters { return w.hosted.last(w.sync.Spec.Gate.After[0]) }

func numbered(from, to int) (commits []string) {
	for i := from; i <= to; i++ {
		commits = append(commits, fmt.Sprintf("%040d", i))
	}
	return commits
}

// The host is asked while a commit waits, and about those that wait alone; who hears of it is each entry by the accounts
// that it believes.
func TestAHostIsAskedWhileACommitWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := playHost(t, api.After{Cluster: "canary-*", Creators: []string{"bot"}}, api.After{Cluster: "canary-1", Creators: []string{"Eve"}},
			api.After{Cluster: "eu"})
		w.poll()
		if len(w.asked) != 0 || w.opened != 0 || w.last().At.IsZero() {
			t.Errorf("asked %v, and nothing waits", w.asked)
		}
		c := numbered(1, 2)
		w.tells("canary-1", "bot", c[0], forge.Success, "Complete: 12 nodes")
		w.tells("canary-1", "eve", c[0], forge.Failure, "Stuck")
		w.tells("eu", "anybody", c[1], forge.Pending, "RollingOut")
		w.poll(c...)
		if got := fmt.Sprint(w.asked); got != fmt.Sprint([][]string{{c[1], c[0]}}) || w.opened != 1 {
			t.Errorf("asked %s", got)
		}
		for i, want := range []string{"Complete", "Stuck", ""} {
			heard := w.hosted.last(w.sync.Spec.Gate.After[i])
			if got := stateIn(heard, "canary-1", c[0]); string(got) != want || heard.Trouble != nil || !heard.Asked[c[0]] {
				t.Errorf("entry %d hears %q of %+v, want %q", i, got, heard, want)
			}
		}
		if got := stateIn(w.hosted.last(w.sync.Spec.Gate.After[2]), "eu", c[1]); got != api.RollingOut {
			t.Errorf("heard %q", got)
		}
		time.Sleep(time.Minute)
		w.tells("canary-1", "bot", c[0], forge.Failure, "relapsed: CrashLoop")
		w.poll(c[0])
		if heard := w.last(); !heard.Known["canary-1"].Syncs["platform/agents"][c[0]].Relapsed || len(w.asked) != 2 || heard.Asked[c[1]] {
			t.Errorf("asked %v, heard %+v", w.asked, heard)
		}
		w.poll()
		if len(w.asked) != 2 {
			t.Errorf("asked %v, and nothing waits", w.asked)
		}
	})
}

// Of many that wait some are asked about at a poll, and nothing starts before all were. From then on those are asked about
// each time that would start first, and the others in turn, so that no trouble stays unseen; of what was not asked about
// now, nothing is new.
func TestOfManyThatWaitSomeAreAskedAbout(t *testing.T) {
	for _, order := range []api.Order{api.OrderLatest, api.OrderEach} {
		synctest.Test(t, func(t *testing.T) {
			w := playHost(t, api.After{Cluster: "canary-1"})
			w.sync.Spec.Gate.Order = order
			c := numbered(1, 100)
			first := slices.Clone(c[:maxWaited])
			if order == api.OrderLatest {
				first = slices.Clone(c[100-maxWaited:])
				slices.Reverse(first)
			}
			w.tells("canary-1", "bot", first[0], forge.Success, "Complete")
			for i := range maxWaited / maxAsked {
				w.poll(c...)
				if heard, last := w.last(), i == maxWaited/maxAsked-1; (heard.Trouble == nil) != last || len(w.asked[i]) != maxAsked {
					t.Fatalf("%s: at poll %d asked about %d, trouble %v", order, i, len(w.asked[i]), heard.Trouble)
				}
				time.Sleep(time.Minute)
			}
			w.tells("canary-1", "bot", first[40], forge.Failure, "Stuck")
			seen := w.pollsUntilStuck(c, first, first[40])
			w.poll(c...)
			if heard := w.last(); stateIn(heard, "canary-1", first[40]) != api.Stuck || heard.Asked[first[40]] {
				t.Errorf("%s: what was seen at poll %d is forgotten, or was asked about again at once", order, seen)
			}
			w.poll(append(c, numbered(101, 101)...)...)
			if asked := w.asked[len(w.asked)-1]; order == api.OrderLatest && asked[0] != numbered(101, 101)[0] {
				t.Errorf("of a new one: asked about %v", asked)
			}
		})
	}
}

// pollsUntilStuck is how many polls it takes until a commit is seen to be stuck; at each of them those are asked about
// that would start first.
func (w *playedHost) pollsUntilStuck(waiting, first []string, commit string) int {
	w.Helper()
	w.asked = nil
	for i := range maxWaited {
		w.poll(waiting...)
		heard := w.last()
		if !slices.Equal(w.asked[i][:4], first[:4]) || len(heard.Asked) != maxAsked || heard.Trouble != nil || !heard.Asked[first[0]] {
			w.Fatalf("asked about %v", w.asked[i])
		}
		if stateIn(heard, "canary-1", commit) == api.Stuck {
			return i + 1
		}
		time.Sleep(time.Minute)
	}
	w.Fatal("it is never seen")
	return 0
}

// A host that cannot be read closes the gate, and is tried again after pauses that grow.
func TestAHostThatCannotBeReadIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := playHost(t, api.After{Cluster: "canary-1"})
		w.fails = errors.New("GitHub answers 500")
		c := numbered(1, 1)[0]
		w.tells("canary-1", "bot", c, forge.Success, "Complete")
		for range 60 {
			w.poll(c)
			if heard := w.last(); heard.Trouble == nil || !strings.Contains(heard.Trouble.Error(), "500") {
				t.Fatalf("heard %+v", heard)
			}
			time.Sleep(10 * time.Second)
		}
		if n := len(w.asked); n < 4 || n > 15 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		w.fails = nil
		time.Sleep(6 * time.Minute)
		w.poll(c)
		if heard := w.last(); heard.Trouble != nil || stateIn(heard, "canary-1", c) != api.Complete {
			t.Errorf("heard %+v", heard)
		}
	})
}

// A soak counts from when a status was written by the host's clock, but not from before it was otherwise here.
func TestASoakCountsFromTheHostsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := playHost(t, api.After{Cluster: "canary-1"})
		c := numbered(1, 1)[0]
		since := func() time.Duration { return time.Since(w.last().Known["canary-1"].Syncs["platform/agents"][c].Since) }
		w.tells("canary-1", "bot", c, forge.Success, "Complete")
		time.Sleep(20 * time.Minute)
		w.poll(c)
		if got := since(); got != 20*time.Minute {
			t.Errorf("it counts for %s", got)
		}
		time.Sleep(10 * time.Minute)
		w.poll(c)
		if got := since(); got != 30*time.Minute {
			t.Errorf("it counts for %s", got)
		}
		w.tells("canary-1", "bot", c, forge.Failure, "relapsed")
		w.poll(c)
		time.Sleep(time.Minute)
		w.tells("canary-1", "bot", c, forge.Success, "Complete")
		w.stands[c][0].Time = time.Now().Add(-5 * time.Hour) // the host's clock is wrong
		w.poll(c)
		if got := since(); got != time.Minute {
			t.Errorf("it counts for %s", got)
		}
	})
}
