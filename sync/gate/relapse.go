package gate

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// relapsed begins what is said of a complete commit whose agents keep ending.
const relapsed = "relapsed"

// relapse takes in whether the agents of a completed commit keep ending. It changes no state: the commit is Complete
// and says that it has relapsed, once, and later that it has recovered. While it has, it is nothing to go back to.
// Of what is being corrected nothing is concluded: it is not what the commit wrote.
func (t *turn) relapse(f *api.Flight) {
	r := t.o.Relapse
	if f.State != api.Complete || f.Correcting != nil || r == nil || r.Commit != f.Commit || r.Digest != f.Digest {
		return
	}
	switch {
	case f.Relapse != nil:
		t.goesOn(f, r)
	case r.Message.Private != "" && t.mayRelapse(f):
		f.Relapse = &api.Relapse{Since: metav1.NewMicroTime(t.o.Now), Message: r.Message}
		f.Causes, t.s.LastComplete = r.Causes, f.Before
		t.tellRelapse(f, false)
	}
}

// goesOn takes in how a flight does that has relapsed.
func (t *turn) goesOn(f *api.Flight, r *Relapse) {
	switch {
	case r.Well:
		f.Relapse, f.Causes, f.NoRollback = nil, nil, nil
		t.s.LastComplete = f.Commit
		t.tellRelapse(f, true)
	case r.Message.Private == "":
	case leading(f.Causes) != leading(r.Causes):
		f.Relapse.Message, f.Causes = r.Message, r.Causes
		t.tellRelapse(f, false)
	case shownBy(f.Causes) < shownBy(r.Causes):
		f.Relapse.Message, f.Causes = r.Message, r.Causes // the cause is told already: no news for a host
	}
}

// shownBy is how many nodes show the cause that leads.
func shownBy(causes []api.Cause) int {
	if len(causes) == 0 {
		return 0
	}
	return causes[0].NodeCount
}

// mayRelapse reports whether what becomes of a flight is told on its commit still.
func (t *turn) mayRelapse(f *api.Flight) bool { return MayRelapse(f, t.gate.Relapse, t.o.Now) }

// MayRelapse reports whether a flight has been complete for no longer than so.
func MayRelapse(f *api.Flight, within time.Duration, now time.Time) bool {
	return f.IsComplete() && f.Completed != nil && now.Before(f.Completed.Add(within))
}

// tellRelapse says of a complete commit, and of those that follow it, how it is.
func (t *turn) tellRelapse(f *api.Flight, recovered bool) {
	m := OwnMove(f)
	m.Recovered = recovered
	t.move(m)
	t.follow(f.Followers, m)
}

// OwnMove is the state of a flight's own commit as a move to it.
func OwnMove(f *api.Flight) Move {
	return Move{Commit: f.Commit, State: f.State, Message: OwnMessage(f), Relapsed: f.Relapse != nil}
}

// RolledBackMove is the state of the commit in whose place another one is in flight again, as a move to it.
func RolledBackMove(f *api.Flight) Move {
	b := f.RollbackOf
	return Move{Commit: b.Commit, State: StateBefore(b), Message: MessageOf(f), Relapsed: b.Relapsed}
}

// StateBefore is the state of a commit that is rolled back.
func StateBefore(b *api.StuckCommit) api.CommitState {
	if b.Relapsed {
		return api.Complete
	}
	return api.Stuck
}

// completeBefore is the last commit before the next one that was complete. What is applied anew is not its own.
func (t *turn) completeBefore(commit string) string {
	last := t.s.InFlight
	switch {
	case t.s.LastComplete != commit:
		return t.s.LastComplete
	case last != nil && last.Commit == commit:
		return last.Before
	}
	return ""
}
