package outbox

import (
	"slices"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// maxOutbox is how many commits an outbox remembers; the oldest are forgotten, delivered ones first.
	maxOutbox = 1000
	// maxBatch is how many statuses are sent before newer ones get their turn.
	maxBatch = 50
	// maxMissed is how often a commit may be unknown to the Git host before it is given up: about five minutes.
	maxMissed = 6
)

// report is the newest state of one commit, and whether the Git host has it.
type report struct {
	Commit      string      `json:"commit"`
	State       forge.State `json:"state"`
	Underway    bool        `json:"underway,omitempty"`
	Description api.Public  `json:"description,omitempty"`
	// Is is the commit's own state, By whose state it takes over, Outcome that state, and Cause why it is stuck. Ailing
	// is set while something of a complete commit is not well; hosts show states of commits alone, and are not told.
	Is       api.CommitState `json:"is,omitempty"`
	By       string          `json:"by,omitempty"`
	Outcome  api.CommitState `json:"outcome,omitempty"`
	Cause    string          `json:"cause,omitempty"`
	Relapsed bool            `json:"relapsed,omitempty"`
	Ailing   bool            `json:"ailing,omitempty"`
	Time     time.Time       `json:"time"`
	// Sent is set if the host has it, or never will.
	Sent bool `json:"sent,omitempty"`
	// Missed is how often the host did not know the commit.
	Missed int `json:"missed,omitempty"`

	failed int
	due    time.Time // not before, after a failure
}

func (l report) says() report {
	return report{Commit: l.Commit, State: l.State, Underway: l.Underway, Description: l.Description,
		Is: l.Is, By: l.By, Outcome: l.Outcome, Cause: l.Cause, Relapsed: l.Relapsed, Ailing: l.Ailing}
}

// Outbox keeps what a Git host is to be told: the newest state per commit, at least once. A host that is down, or that
// does not take one of them, delays that one and nothing else.
type Outbox struct {
	mu      gosync.Mutex
	reports []report
	// unsaved is set while the reports differ from those in the cluster.
	unsaved bool
	// news has a value while there is something to save or to deliver.
	news chan struct{}

	quarters quarters // of whoever adds
	sender   *sender
}

func newOutbox(reports []report) *Outbox {
	return &Outbox{reports: reports, news: make(chan struct{}, 1)}
}

// put adds reports. One that says what was said before is not said again.
func (b *Outbox) put(reports []report) {
	if b == nil || len(reports) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range reports {
		b.add(l)
	}
	b.trim()
	if b.unsaved {
		b.ring()
	}
}

// recall adds reports that may be older than those that are known.
func (b *Outbox) recall(reports []report) {
	b.mu.Lock()
	known := map[string]time.Time{}
	for _, l := range b.reports {
		known[l.Commit] = l.Time
	}
	b.mu.Unlock()
	b.put(slices.DeleteFunc(reports, func(l report) bool { return !l.Time.After(known[l.Commit]) }))
}

func (b *Outbox) add(l report) {
	if i := b.index(l.Commit); i >= 0 {
		if b.reports[i].says() == l.says() {
			return
		}
		l.Missed = b.reports[i].Missed
		b.reports = slices.Delete(b.reports, i, i+1)
	}
	b.reports = append(b.reports, l)
	b.unsaved = true
}

func (b *Outbox) index(commit string) int {
	return slices.IndexFunc(b.reports, func(l report) bool { return l.Commit == commit })
}

func (b *Outbox) trim() {
	for len(b.reports) > maxOutbox {
		i := max(0, slices.IndexFunc(b.reports, func(l report) bool { return l.Sent }))
		b.reports = slices.Delete(b.reports, i, i+1)
	}
}

// knows reports whether the host was, or is about to be, told about a commit.
func (b *Outbox) knows(commit string) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.index(commit) >= 0
}

// all returns the reports, and whether they have to be saved.
func (b *Outbox) all() (reports []report, unsaved bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.reports), b.unsaved
}

// saved notes that reports are in the cluster; what was added since is not.
func (b *Outbox) saved(reports []report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unsaved = !slices.EqualFunc(b.reports, reports, func(a, b report) bool {
		return a.says() == b.says() && a.Sent == b.Sent && a.Missed == b.Missed
	})
	if b.unsaved {
		b.ring()
	}
}

// next returns what is to be delivered now, the newest first, or else when the next one is due.
func (b *Outbox) next(now time.Time) (batch []report, due time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range slices.Backward(b.reports) {
		switch {
		case l.Sent:
		case l.due.After(now):
			if due.IsZero() || l.due.Before(due) {
				due = l.due
			}
		case len(batch) < maxBatch:
			batch = append(batch, l)
		}
	}
	return batch, due
}

func (b *Outbox) ring() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}
