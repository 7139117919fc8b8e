package sync

import (
	"slices"
	gosync "sync"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// maxOutbox is how many commits an outbox remembers; the oldest are forgotten, delivered ones first.
const maxOutbox = 1000

// letter is the newest status of one commit, and whether the Git host has it.
type letter struct {
	forge.Status
	Sent bool `json:"sent,omitempty"`
}

// outbox keeps what a Git host is to be told: the newest status per commit and context, at least once. A host
// that is down delays its own statuses and nothing else.
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

// put adds statuses. One that says what was said before is not said again.
func (b *outbox) put(statuses []forge.Status) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range statuses {
		b.add(s)
	}
	b.trim()
	if b.unsaved || slices.ContainsFunc(b.letters, unsent) {
		b.ring()
	}
}

func (b *outbox) add(s forge.Status) {
	i := slices.IndexFunc(b.letters, func(l letter) bool { return l.Commit == s.Commit && l.Context == s.Context })
	if i >= 0 {
		old := b.letters[i]
		if old.State == s.State && old.Description == s.Description && old.URL == s.URL {
			return
		}
		b.letters = slices.Delete(b.letters, i, i+1)
	}
	b.letters = append(b.letters, letter{Status: s})
	b.unsaved = true
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
	return slices.ContainsFunc(b.letters, func(l letter) bool { return l.Commit == commit })
}

// snapshot returns all letters to be saved, and those to be delivered.
func (b *outbox) snapshot() (all []letter, undelivered []forge.Status, unsaved bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.letters {
		if unsent(l) {
			undelivered = append(undelivered, l.Status)
		}
	}
	return slices.Clone(b.letters), undelivered, b.unsaved
}

// saved notes that letters are in the cluster; what was added since is not.
func (b *outbox) saved(letters []letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unsaved = !slices.Equal(b.letters, letters)
}

// delivered notes what the host has. A newer status of the same commit stays to be delivered.
func (b *outbox) delivered(statuses []forge.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range statuses {
		for i := range b.letters {
			if b.letters[i].Status == s {
				b.letters[i].Sent = true
				b.unsaved = true
			}
		}
	}
	if b.unsaved {
		b.ring()
	}
}

func (b *outbox) ring() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func unsent(l letter) bool { return !l.Sent }
