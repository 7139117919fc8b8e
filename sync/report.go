package sync

import (
	"fmt"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// statuses are what a Git host is told about moves. A commit that changes nothing is told of only if the Sync
// asks for it, or if the host was told that the commit waits.
func (c *Controller) statuses(l *lane, moves []Move) []forge.Status {
	var list []forge.Status
	for _, m := range moves {
		if m.State == api.Unchanged && !l.sync.Spec.Report.Unchanged && !l.outbox.knows(m.Commit) {
			continue
		}
		list = append(list, status(l.sync, m))
	}
	return list
}

// status is a move in the words of Git hosts. Its description holds no clock and no count of pods: it says
// the same for as long as the state is the same.
func status(s *api.Sync, m Move) forge.Status {
	state, description := hostState(m)
	return forge.Status{Commit: m.Commit, Context: reportContext(s), State: state, Description: description, Time: m.At}
}

func hostState(m Move) (forge.State, string) {
	switch m.State {
	case api.Carried:
		return hostOutcome(m.Outcome), carriedWords(m)
	case api.Unchanged:
		return hostOutcome(m.Outcome), joined(fmt.Sprintf("Unchanged: the same as %s, which is %s", Short(m.By), m.Outcome), m.Message)
	case api.Failed, api.Dropped:
		return forge.Error, joined(string(m.State), m.Message)
	}
	return hostOutcome(m.State), joined(string(m.State), m.Message)
}

func hostOutcome(s api.CommitState) forge.State {
	switch s {
	case api.Complete:
		return forge.Success
	case api.Stuck:
		return forge.Failure
	}
	return forge.Pending
}

func carriedWords(m Move) string {
	switch m.Outcome {
	case api.Complete:
		return "rolled out as part of " + Short(m.By)
	case api.Stuck:
		return joined(fmt.Sprintf("carried by %s, which is Stuck", Short(m.By)), m.Message)
	}
	return "carried by " + Short(m.By)
}

func joined(head, tail string) string {
	if tail == "" {
		return head
	}
	return head + ": " + tail
}

func reportContext(s *api.Sync) string {
	if s.Spec.Report.Context != "" {
		return s.Spec.Report.Context
	}
	return "daemongate/" + s.Namespace + "/" + s.Name
}

// recorded are the moves that the status remembers: what a crash may have kept from the outbox.
func recorded(s *api.Sync) []Move {
	var moves []Move
	for i := len(s.Status.History) - 1; i >= 0; i-- {
		r := s.Status.History[i]
		moves = append(moves, Move{Commit: r.Commit, Subject: r.Subject, State: r.State, By: r.By, Outcome: r.Outcome,
			Message: r.Message, At: r.Since.Time})
	}
	if f := s.Status.InFlight; f != nil {
		for _, follower := range f.Followers {
			moves = append(moves, Move{Commit: follower.Commit, State: follower.State, By: f.Commit, Outcome: f.State,
				Message: f.Message, At: f.Since.Time})
		}
	}
	return moves
}
