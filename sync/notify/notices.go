package notify

import (
	"slices"
	gosync "sync"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// maxWaiting is how many messages wait for a receiver at most; the oldest are dropped.
const maxWaiting = 500

// content is what is kept over a restart.
type content struct {
	// Waiting are the messages that the receiver has not taken, oldest first.
	Waiting []Message `json:"waiting,omitempty"`
	// Last is what was last noted of each commit of the history.
	Last map[string]last `json:"last,omitempty"`
	// States are those that were told: what was left out on purpose is not news when they change.
	States string `json:"states,omitempty"`
}

// Notices are the messages of one Sync that its receiver has not taken yet.
type Notices struct {
	filter filter
	sender *sender

	mu      gosync.Mutex
	is      content
	dropped int // and not told of yet
	unsaved bool
	// news has a value while there is something to save or to deliver.
	news chan struct{}
}

func newNotices(is content, f filter) *Notices {
	if is.Last == nil {
		is.Last = map[string]last{}
	}
	is.States = f.String()
	return &Notices{filter: f, is: is, news: make(chan struct{}, 1)}
}

// Tells reports whether the receiver is told of commits that come to a state.
func (n *Notices) Tells(state api.CommitState) bool {
	return n != nil && n.filter.tells(api.Notice(state))
}

// Add puts in what commits came to, of a Sync whose status says so. One goroutine at a time may add.
func (n *Notices) Add(s *api.Sync, moves []gate.Move) {
	if n == nil || len(moves) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, m := range moves {
		later := slices.ContainsFunc(moves[i+1:], func(other gate.Move) bool { return other.Commit == m.Commit })
		n.note(s, m, !later, true)
	}
	n.trim(s)
	if n.unsaved {
		n.ring()
	}
}

// recall puts in what the status remembers and is not noted yet: a crash may have come in between.
func (n *Notices) recall(s *api.Sync) {
	var lost []gate.Move
	for _, m := range recorded(s) {
		was, known := n.is.Last[m.Commit]
		if !known || was.Record != recordOf(m) || m.At.Truncate(time.Microsecond).After(was.Since) {
			lost = append(lost, m)
		}
	}
	n.Add(s, lost)
}

// begin notes what the status remembers, and tells nothing of it: nobody is told what was before he was named.
func (n *Notices) begin(s *api.Sync) {
	n.is.Last = map[string]last{}
	for _, m := range recorded(s) {
		n.note(s, m, true, false)
	}
	n.unsaved = true
}

// note notes a move and, if it is to be told and says anything new, queues its message.
func (n *Notices) note(s *api.Sync, m gate.Move, newest, tell bool) {
	was := n.is.Last[m.Commit]
	message := messageOf(s, m, was.Is, newest)
	now := last{Record: recordOf(m), Since: message.Time, Is: message.Is, Text: hashed(message.Text)}
	n.is.Last[m.Commit] = now
	if !tell || !n.filter.tells(now.Is) || was.Is == now.Is && was.Record == now.Record && was.Text == now.Text {
		return
	}
	n.is.Waiting = append(n.is.Waiting, message)
	n.unsaved = true
}

// trim forgets what the history has forgotten, and drops the oldest messages if there are too many.
func (n *Notices) trim(s *api.Sync) {
	kept := map[string]last{}
	for _, r := range s.Status.History {
		if was, ok := n.is.Last[r.Commit]; ok {
			kept[r.Commit] = was
		}
	}
	n.is.Last = kept
	if more := len(n.is.Waiting) - maxWaiting; more > 0 {
		n.is.Waiting = slices.Delete(n.is.Waiting, 0, more)
		n.dropped += more
	}
}

// takeDropped returns how many messages were dropped since it was asked last.
func (n *Notices) takeDropped() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	dropped := n.dropped
	n.dropped = 0
	return dropped
}

// Waiting is how many messages the receiver has not taken yet.
func (n *Notices) Waiting() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.is.Waiting)
}

// first returns the message that is to be sent next, and how many wait.
func (n *Notices) first() (m Message, waiting int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.is.Waiting) == 0 {
		return Message{}, 0
	}
	return n.is.Waiting[0], len(n.is.Waiting)
}

// done takes out a message that the receiver has, or never will.
func (n *Notices) done(m Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.IndexFunc(n.is.Waiting, func(w Message) bool { return w.ID == m.ID }); i >= 0 {
		n.is.Waiting = slices.Delete(n.is.Waiting, i, i+1)
		n.unsaved = true
	}
}

// all returns what is to be kept, and whether it has to be saved.
func (n *Notices) all() (is content, unsaved bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	is = n.is
	is.Waiting = slices.Clone(is.Waiting)
	is.Last = map[string]last{}
	for commit, was := range n.is.Last {
		is.Last[commit] = was
	}
	return is, n.unsaved
}

// saved notes that something is in the cluster; what was added since is not.
func (n *Notices) saved(is content) {
	n.mu.Lock()
	defer n.mu.Unlock()
	same := func(a, b Message) bool { return a.ID == b.ID }
	if n.unsaved = !slices.EqualFunc(n.is.Waiting, is.Waiting, same); n.unsaved {
		n.ring()
	}
}

func (n *Notices) ring() {
	select {
	case n.news <- struct{}{}:
	default:
	}
}
