package sync

import (
	"slices"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

const (
	// maxOutbox is how many commits an outbox remembers; the oldest are forgotten, delivered ones first.
	maxOutbox = 1000
	// maxBatch is how many statuses are sent before newer ones get their turn.
	maxBatch = 50
	// maxMissed is how often a commit may be unknown to the Git host before it is given up: about five minutes.
	maxMissed = 6
)

// letter is the newest state of one commit, and whether the Git host has it.
type letter struct {
	Commit      string      `json:"commit"`
	State       forge.State `json:"state"`
	Underway    bool        `json:"underway,omitempty"`
	Description string      `json:"description,omitempty"`
	Time        time.Time   `json:"time"`
	// Sent is set if the host has it, or never will.
	Sent bool `json:"sent,omitempty"`
	// Missed is how often the host did not know the commit.
	Missed int `json:"missed,omitempty"`

	failed int
	due    time.Time // not before, after a failure
}

func (l letter) says() letter {
	return letter{Commit: l.Commit, State: l.State, Underway: l.Underway, Description: l.Description}
}

// outbox keeps what a Git host is to be told: the newest state per commit, at least once. A host that is down, or that
// does not take one of them, delays that one and nothing else.
type outbox struct {
	mu      gosync.Mutex
	letters []letter
	// unsaved is set while the letters differ from those in the cluster.
	unsaved bool
	// news has a value while there is something to save or to deliver.
	news chan struct{}
}

func newOutbox(letters []letter) *outbox {
	return &outbox{letters: letters, news: make(chan struct{}, 1)}
}

// put adds letters. One that says what was said before is not said again.
func (b *outbox) put(letters []letter) {
	if b == nil || len(letters) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range letters {
		b.add(l)
	}
	b.trim()
	if b.unsaved {
		b.ring()
	}
}

// recall adds letters that may be older than those that are known.
func (b *outbox) recall(letters []letter) {
	b.mu.Lock()
	known := map[string]time.Time{}
	for _, l := range b.letters {
		known[l.Commit] = l.Time
	}
	b.mu.Unlock()
	b.put(slices.DeleteFunc(letters, func(l letter) bool { return !l.Time.After(known[l.Commit]) }))
}

func (b *outbox) add(l letter) {
	if i := b.index(l.Commit); i >= 0 {
		if b.letters[i].says() == l.says() {
			return
		}
		l.Missed = b.letters[i].Missed
		b.letters = slices.Delete(b.letters, i, i+1)
	}
	b.letters = append(b.letters, l)
	b.unsaved = true
}

func (b *outbox) index(commit string) int {
	return slices.IndexFunc(b.letters, func(l letter) bool { return l.Commit == commit })
}

func (b *outbox) trim() {
	for len(b.letters) > maxOutbox {
		i := max(0, slices.IndexFunc(b.letters, func(l letter) bool { return l.Sent }))
		b.letters = slices.Delete(b.letters, i, i+1)
	}
}

// knows reports whether the host was, or is about to be, told about a commit.
func (b *outbox) knows(commit string) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.index(commit) >= 0
}

// all returns the letters, and whether they have to be saved.
func (b *outbox) all() (letters []letter, unsaved bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.letters), b.unsaved
}

// saved notes that letters are in the cluster; what was added since is not.
func (b *outbox) saved(letters []letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unsaved = !slices.EqualFunc(b.letters, letters, func(a, b letter) bool {
		return a.says() == b.says() && a.Sent == b.Sent && a.Missed == b.Missed
	})
	if b.unsaved {
		b.ring()
	}
}

// next returns what is to be delivered now, the newest first, or else when the next one is due.
func (b *outbox) next(now time.Time) (batch []letter, due time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range slices.Backward(b.letters) {
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

func (b *outbox) ring() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}
