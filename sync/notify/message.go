package notify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource/oneline"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/outbox"
)

// maxText bounds the text of a message, in bytes: what waits has to fit into a ConfigMap.
const maxText = 600

// Message is one change of a commit's state, in words that everybody may be told (law 11).
type Message struct {
	// ID is the same whenever the message is sent again, and no other message has it.
	ID string `json:"id"`
	// Is says what has changed.
	Is     api.Notice `json:"is"`
	Commit string     `json:"commit"`
	// State is the commit's own, By whose state it takes over, and Outcome that state.
	State    api.CommitState `json:"state"`
	By       string          `json:"by,omitempty"`
	Outcome  api.CommitState `json:"outcome,omitempty"`
	Relapsed bool            `json:"relapsed,omitempty"`
	// Cause is the code of why it is Stuck or has relapsed.
	Cause string `json:"cause,omitempty"`
	Text  string `json:"text"`
	// Stage is in which stage a paced rollout is, of how many; 0 of 0 if it has none.
	Stage  int32     `json:"stage,omitempty"`
	Stages int32     `json:"stages,omitempty"`
	Time   time.Time `json:"time"`
}

// last is what was last noted of a commit.
type last struct {
	Record string     `json:"record"` // as the history has it
	Since  time.Time  `json:"since"`
	Is     api.Notice `json:"is"`
	Text   string     `json:"text"` // hashed
}

// recordOf is the state that a move leaves in the history.
func recordOf(m gate.Move) string {
	return fmt.Sprintf("%s %s %s %v", m.State, m.By, m.Outcome, m.Relapsed)
}

// messageOf is what is told of a move. The newest is set if no later move of the commit was made in the same step, so
// that the status is as it was left by this one.
func messageOf(s *api.Sync, m gate.Move, before api.Notice, newest bool) Message {
	text, cause := outbox.Told(s, m)
	n := Message{Is: noticeOf(s.Status.InFlight, m, before, newest), Commit: m.Commit, State: m.State, By: m.By,
		Relapsed: m.Relapsed, Cause: cause, Text: english.Clip(oneline.Of(string(text), maxText), maxText),
		Time: m.At.UTC().Truncate(time.Microsecond)}
	if m.By != "" {
		n.Outcome = m.Outcome
	}
	if f := s.Status.InFlight; f != nil && f.Commit == m.Commit && f.Stage != nil && newest {
		n.Stage, n.Stages = f.Stage.Index, f.Stage.Of
	}
	n.ID = hashed(string(s.UID), m.Commit, recordOf(m), string(n.Is), n.Text, n.Time.Format(time.RFC3339Nano))
	return n
}

// noticeOf says what a move changes. Of a commit that is rolled back, or that relapses, the state stays as it is.
func noticeOf(f *api.Flight, m gate.Move, before api.Notice, newest bool) api.Notice {
	back := newest && f != nil && f.RollbackOf != nil && f.RollbackOf.Commit == m.Commit
	switch {
	case m.By != "":
	case back && f.State != api.Complete && f.State != api.Stuck:
		return api.NoticeRollingBack
	case back && f.State == api.Complete, before == api.NoticeRollingBack && newest && isPast(f, m.Commit):
		return api.NoticeRolledBack
	case m.Relapsed:
		return api.NoticeRelapsed
	case m.Recovered, before == api.NoticeRelapsed && m.State == api.Complete:
		return api.NoticeRecovered
	}
	return api.Notice(m.State)
}

// isPast reports whether another commit than this one has completed in its place.
func isPast(f *api.Flight, commit string) bool {
	return f != nil && f.Commit != commit && f.State == api.Complete
}

func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q", parts)))
	return hex.EncodeToString(sum[:16])
}

// filter says which changes are told.
type filter []api.Notice

func filterOf(s *api.Sync) filter { return s.Spec.Report.Notify.States }

// tells reports whether a change is told. Without a choice that is all but what follows at once or concerns another
// commit.
func (f filter) tells(is api.Notice) bool {
	if len(f) > 0 {
		return slices.Contains(f, is)
	}
	switch api.CommitState(is) {
	case api.Applying, api.Carried, api.Unchanged:
		return false
	}
	return true
}

// String is the same for filters that tell the same.
func (f filter) String() string {
	words := make([]string, 0, len(f))
	for _, is := range f {
		words = append(words, string(is))
	}
	slices.SortFunc(words, cmp.Compare[string])
	return strings.Join(words, " ")
}

// recorded are the moves that a status remembers: the newest of each commit in the history, oldest first.
func recorded(s *api.Sync) []gate.Move {
	var moves []gate.Move
	for _, r := range slices.Backward(s.Status.History) {
		moves = append(moves, gate.Move{Commit: r.Commit, State: r.State, By: r.By, Outcome: r.Outcome,
			Message: r.Message, Relapsed: r.Relapsed, At: r.Since.Time})
	}
	slices.SortStableFunc(moves, func(a, b gate.Move) int { return a.At.Compare(b.At) })
	return moves
}
