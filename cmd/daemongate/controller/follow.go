package controller

import (
	"fmt"
	"io"
	"strings"
	gosync "sync"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/utils/lru"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
)

// follower prints one line per change of state, for a person to follow, and logs trouble.
type follower struct {
	out io.Writer
	log logrus.FieldLogger

	mu   gosync.Mutex
	last *lru.Cache // what was printed of the progress of a Sync
}

// Tell prints what a person wants to see, and logs trouble.
func (f *follower) Tell(s *api.Sync, n sync.News) {
	text := n.Message.Private
	line := func(what, text string) { f.print(s, time.Now(), n.Commit, what, text) }
	switch n.Kind {
	case sync.NewsMoved:
		f.moved(s, n.Move)
	case sync.NewsPanicked: // is logged with its stack
	case sync.NewsProgressed:
		f.progressed(s)
	case sync.NewsPruned:
		for _, object := range n.Objects {
			line("pruned", object)
		}
	case sync.NewsRecovered:
		line("recovered", "all that it wrote is well again")
	case sync.NewsTrouble:
		f.log.WithField("sync", s.Namespace+"/"+s.Name).Warn(text)
	case sync.NewsHandedOver:
		line("handover", text)
	case sync.NewsStage:
		line("stage", text)
	default:
		line(strings.ToLower(string(n.Kind)), text)
	}
}

// moved prints that a commit came to a state.
func (f *follower) moved(s *api.Sync, m *gate.Move) {
	state := string(m.State)
	if m.By != "" {
		state = fmt.Sprintf("%s by %s (%s)", m.State, api.Short(m.By), m.Outcome)
	}
	text := m.Message.Private
	if m.Recovered {
		text = "well again: " + text
	}
	if text == "" && m.Subject != "" {
		text = fmt.Sprintf("%q", m.Subject)
	}
	if m.Override != nil {
		f.print(s, m.At, m.Commit, "override", m.Override.Text())
	}
	f.print(s, m.At, m.Commit, state, text)
	if flight := s.Status.InFlight; m.Relapsed && m.By == "" && flight != nil && flight.Relapse != nil {
		f.explain(flight.Causes)
	} else if m.State == api.Stuck && flight != nil && flight.State == api.Stuck && concerns(flight, m.Commit) {
		f.explain(flight.Causes)
	}
}

// concerns reports whether a flight's causes are those of a commit: its own, or the stuck one that it has taken the
// place of.
func concerns(flight *api.Flight, commit string) bool {
	return flight.Commit == commit || flight.RollbackOf != nil && flight.RollbackOf.Commit == commit
}

// explain prints where a commit is stuck and what to do.
func (f *follower) explain(causes []api.Cause) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, c := range causes {
		switch {
		case passing[c.Code] && i > 0: // the first made it stuck
			continue
		case len(c.Nodes) > 0:
			_, _ = fmt.Fprintf(f.out, "          %s: %s\n", c.Code, words.FoldNames(c.Nodes))
		case c.Object != "":
			_, _ = fmt.Fprintf(f.out, "          %s: %s\n", c.Code, c.Object)
		}
		_, _ = fmt.Fprintf(f.out, "          %s\n", c.Message)
		if c.Remedy != "" {
			_, _ = fmt.Fprintf(f.out, "          → %s\n", c.Remedy)
		}
	}
}

// progressed prints the flight's counts in quarters, and its present causes when they change.
func (f *follower) progressed(s *api.Sync) {
	flight := s.Status.InFlight
	if flight == nil || flight.State.Settled() {
		return
	}
	text := progress(flight)
	if !f.changed(s.Namespace+"/"+s.Name, flight.Commit+text) {
		return
	}
	if text != "" {
		f.print(s, time.Now(), flight.Commit, string(flight.State), text)
	}
}

// maxFollowed is of how many Syncs it is kept what was printed of their progress.
const maxFollowed = 10_000

// changed reports whether a text about a Sync is another one than before.
func (f *follower) changed(key, text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = lru.New(maxFollowed)
	}
	before, _ := f.last.Get(key)
	f.last.Add(key, text)
	return before != text
}

// passing are the causes that every rollout shows for a moment.
var passing = map[string]bool{string(rollout.Starting): true, string(rollout.NotScheduled): true,
	string(rollout.NotObserved): true,
	string(rollout.NotReady):    true, string(rollout.NotEstablished): true}

// progress says how far a flight is, in steps coarse enough to be worth a line each.
func progress(flight *api.Flight) string {
	for _, c := range flight.Causes {
		switch {
		case passing[c.Code]:
		case c.NodeCount == 0:
			return strings.TrimSpace(c.Code + " " + c.Object)
		default:
			return fmt.Sprintf("%s on %s", c.Code, english.Count(c.NodeCount, "node"))
		}
	}
	n := flight.Nodes
	if n.Desired == 0 || n.Settled*4 < n.Desired {
		return ""
	}
	return fmt.Sprintf("%d%% of %s settled", 25*(n.Settled*4/n.Desired), english.Count(n.Desired, "node"))
}

func (f *follower) print(s *api.Sync, at time.Time, commit, state, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _ = fmt.Fprintf(f.out, "%s  %s/%s  %s  %-12s %s\n",
		at.Format("15:04:05"), s.Namespace, s.Name, api.Short(commit), state, text)
}
