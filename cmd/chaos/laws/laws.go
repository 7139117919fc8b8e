package laws

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Run says what was played.
type Run struct {
	Namespace, Name string // of the Sync. What it asks for is in its namespace too.
	LeaseNamespace  string
	LeaseName       string
	Nodes           []string // all are well, and stay so
	Controllers     string   // how the user agents of controllers begin: each process has one of its own
	// Silent is since when nothing happens any more.
	Silent time.Time
}

// Violation is a law that was broken, and by what.
type Violation struct {
	Law, Text string
	At        time.Time
}

func (v Violation) String() string {
	return fmt.Sprintf("%s  %s: %s", v.At.Format("15:04:05.000"), v.Law, v.Text)
}

// checker looks through one run.
type checker struct {
	Run
	*Log
	history *History
	found   []Violation
}

// Check returns all that broke a law, in the order in which it happened.
func Check(r Run, l *Log, h *History) []Violation {
	c := &checker{r, l, h, nil}
	if len(c.statuses()) == 0 {
		c.breaks("no commit forgotten", time.Time{}, "nothing was ever said of Sync %s/%s", r.Namespace, r.Name)
		return c.found
	}
	c.oneInFlight()
	c.nothingTwice()
	c.nothingForgotten()
	c.noFalseSuccess()
	c.nothingElseDeleted()
	c.oneWriter()
	c.preconditions()
	c.silence()
	slices.SortStableFunc(c.found, func(a, b Violation) int { return a.At.Compare(b.At) })
	return c.found
}

func (c *checker) breaks(law string, at time.Time, format string, args ...any) {
	c.found = append(c.found, Violation{law, fmt.Sprintf(format, args...), at})
}

// ours reports whether a controller made a write that concerns the Sync or what it asks for, and was not refused.
func (c *checker) ours(w *write) bool {
	return strings.HasPrefix(w.agent, c.Controllers) && w.namespace == c.Namespace && w.resource != "leases" &&
		w.refusedWith == 0
}

// isStatus reports whether a write is one of the Sync's status.
func (c *checker) isStatus(w *write) bool {
	return w.resource == "syncs" && w.sub == "status" && w.namespace == c.Namespace && w.name == c.Name
}

// flight is what a status says of the commit in flight.
type flight struct{ commit, state, rollbackOf string }

func flightOf(w *write) flight {
	return flight{text(w.object, "status", "inFlight", "commit"), text(w.object, "status", "inFlight", "state"),
		text(w.object, "status", "inFlight", "rollbackOf", "commit")}
}

// statuses are the writes of the status, each of which changed it.
func (c *checker) statuses() (all []*write) {
	for i := range c.writes {
		if w := &c.writes[i]; c.isStatus(w) && w.refusedWith == 0 && w.changed {
			all = append(all, w)
		}
	}
	return all
}

// lostBetween counts the writes of something of which nobody knows how they ended, between two moments.
func (c *checker) lostBetween(from, to time.Time, is func(*write) bool) (n int) {
	for i := range c.lost {
		if w := &c.lost[i]; is(w) && w.namespace == c.Namespace && w.received.After(from) && w.received.Before(to) {
			n++
		}
	}
	return n
}

// settled are the states in which a commit stays, but for a stuck one that heals.
var settled = map[string]bool{"Complete": true, "Stuck": true, "Failed": true, "Unchanged": true, "Carried": true,
	"Dropped": true}

// states are the states of commits that a status tells in its history.
func states(w *write) map[string]string {
	all := map[string]string{}
	for _, r := range list(w.object, "status", "history") {
		if commit := text(r, "commit"); settled[text(r, "state")] {
			all[commit] = text(r, "state")
		}
	}
	return all
}

// short is a hash as people read it.
func short(commit string) string { return cmp.Or(commit[:min(8, len(commit))], "no commit") }
