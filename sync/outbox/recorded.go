package outbox

import (
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// recorded are the moves that the status remembers: what a crash may have kept from the outbox.
func recorded(s *api.Sync) []gate.Move {
	var moves []gate.Move
	for i := len(s.Status.History) - 1; i >= 0; i-- {
		r := s.Status.History[i]
		moves = append(moves, gate.Move{Commit: r.Commit, Subject: r.Subject, Author: r.Author, State: r.State,
			By: r.By, Outcome: r.Outcome, Message: r.Message, Relapsed: r.Relapsed, At: r.Since.Time})
	}
	f := s.Status.InFlight
	if f == nil {
		return moves
	}
	own, at := gate.OwnMove(f), reached(s)
	own.At = at
	if b := f.RollbackOf; b != nil {
		back := gate.RolledBackMove(f)
		back.At = at
		moves = append(append(moves, back), gate.Following(b.Followers, back)...)
	}
	if f.RollbackOf == nil || f.Relapse != nil {
		moves = append(moves, own)
	}
	return append(moves, gate.Following(f.Followers, own)...)
}

// reached is when the flight came to its state, as far as the history still knows. The newest of those who follow it
// are in there even if a thousand do.
func reached(s *api.Sync) time.Time {
	f := s.Status.InFlight
	at := f.Since.Time
	for _, r := range s.Status.History {
		if (r.Commit == f.Commit || r.By == f.Commit) && r.Since.After(at) {
			at = r.Since.Time
		}
	}
	return at
}
