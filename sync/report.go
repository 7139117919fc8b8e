package sync

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/daemongate/daemongate/english"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// reported reports whether a Sync's commits are told to anybody.
func reported(s *api.Sync) bool {
	p := s.Spec.Report.Provider
	return p != "" && p != api.ProviderNone
}

// letters are what a Git host is told about moves. A commit that changes nothing is told of only if the Sync asks for
// it, or if the host was told that the commit waits.
func (l *lane) letters(moves []gate.Move) []letter {
	var list []letter
	for _, m := range moves {
		if m.State == api.Unchanged && !l.sync.Spec.Report.Unchanged && !l.outbox.knows(m.Commit) {
			continue
		}
		list = append(list, letterOf(m, nodesToTell(l.sync, m)))
	}
	return list
}

// letterOf is a move in the words of Git hosts (law 11): of its message what everybody may be told. It says the same for as
// long as the state is the same.
func letterOf(m gate.Move, nodes api.Public) letter {
	outcome := m.State
	if m.By != "" {
		outcome = m.Outcome
	}
	l := letter{Commit: m.Commit, Time: m.At, State: hostState(outcome), Underway: outcome == api.Applying || outcome == api.RollingOut,
		Description: forge.Shorten(string(descriptionOf(m) + nodes))}
	if m.Relapsed {
		l.State = forge.Failure
	}
	return l
}

// descriptionOf says what a commit came to.
func descriptionOf(m gate.Move) api.Public {
	lead, what, message := api.Public(api.Short(m.By)), api.Public(m.Outcome), messageFor(m)
	switch {
	case m.State == api.Carried && m.Relapsed:
		return "carried by " + lead + ", which " + message
	case m.State == api.Carried && m.Outcome == api.Complete:
		return "rolled out as part of " + lead
	case m.State == api.Carried && m.Outcome == api.Stuck:
		return explained("carried by "+lead+", which is Stuck", message)
	case m.State == api.Carried:
		return "carried by " + lead
	case m.State == api.Unchanged && m.Relapsed:
		return "Unchanged: the same as " + lead + ", which " + message
	case m.State == api.Unchanged:
		return explained("Unchanged: the same as "+lead+", which is "+what, message)
	case m.Relapsed:
		return message
	}
	return explained(api.Public(m.State), message)
}

// messageFor is what a host is told with a state. How far a commit is that is under way is told in quarters.
func messageFor(m gate.Move) api.Public {
	switch cmp.Or(m.Outcome, m.State) {
	case api.Applying, api.RollingOut:
		return ""
	}
	return m.Message.Public
}

// explained is a text with its explanation, which may be empty.
func explained(text, explanation api.Public) api.Public {
	return api.Public(english.Join(string(text), ": ", string(explanation)))
}

func hostState(s api.CommitState) forge.State {
	switch s {
	case api.Complete:
		return forge.Success
	case api.Stuck:
		return forge.Failure
	case api.Failed, api.Dropped:
		return forge.Error
	}
	return forge.Pending
}

// nodesToTell names the nodes of what is stuck, if the Sync lets them be named.
func nodesToTell(s *api.Sync, m gate.Move) api.Public {
	f := s.Status.InFlight
	if !s.Spec.Report.Nodes || f == nil || len(f.Causes) == 0 || f.State != api.Stuck && !m.Relapsed || f.Commit != m.Commit && f.Commit != m.By {
		return ""
	}
	names := rollout.FoldNames(f.Causes[0].Nodes)
	if more := f.Causes[0].NodeCount - len(f.Causes[0].Nodes); more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	if names == "" {
		return ""
	}
	return api.Public(" (" + names + ")")
}

// refusedWords are what a host is told of a set that the cluster refuses: which objects, and the kind of refusal.
func refusedWords(err error) api.Public {
	first, count := "", 0
	for _, one := range flat(err) {
		var rejected *manifests.Rejected
		var conflict *manifests.Conflict
		text := ""
		switch {
		case errors.As(one, &rejected):
			text = fmt.Sprintf("%s (%s)", rejected.Object, rejected.Reason)
		case errors.As(one, &conflict):
			text = fmt.Sprintf("%s (Conflict)", conflict.Object)
		default:
			continue
		}
		if count++; count == 1 {
			first = text
		}
	}
	switch {
	case count == 0:
		return "the cluster refuses the set"
	case count > 1:
		return api.Public(fmt.Sprintf("the cluster refuses %s and %d more", first, count-1))
	}
	return api.Public("the cluster refuses " + first)
}

// flat takes joined errors apart.
func flat(err error) []error {
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		return []error{err}
	}
	var all []error
	for _, one := range list.Unwrap() {
		all = append(all, flat(one)...)
	}
	return all
}

// progress is what a host is told of a rollout that gets on: its quarters.
func progress(commit string, quarter int, at time.Time) letter {
	return letter{Commit: commit, State: forge.Pending, Underway: true, Time: at,
		Description: fmt.Sprintf("%s: %d%% of nodes", api.RollingOut, 25*quarter)}
}

// quarters is how far the flight has come, as it was told.
type quarters struct {
	commit, digest string
	told           int
}

// rise takes in the present counts, and returns the quarter that is reached for the first time; 0 if none is. A commit that
// is gone back to stays the success that it was told to be.
func (q *quarters) rise(f *api.Flight) int {
	if f == nil || f.State != api.RollingOut || f.RollbackOf != nil || f.Nodes.Desired == 0 {
		return 0
	}
	if q.commit != f.Commit || q.digest != f.Digest {
		*q = quarters{commit: f.Commit, digest: f.Digest}
	}
	quarter := min(3, f.Nodes.Settled*4/f.Nodes.Desired)
	if quarter <= q.told {
		return 0
	}
	q.told = quarter
	return quarter
}

// addressed is a letter as it goes to the host.
func (l letter) addressed(s *api.Sync, cluster string) forge.Status {
	return forge.Status{Commit: l.Commit, Context: reportContext(s, cluster), State: l.State, Underway: l.Underway,
		Description: l.Description, URL: targetURL(s, cluster, l.Commit), Time: l.Time}
}

// reportContext tells Syncs and clusters apart.
func reportContext(s *api.Sync, cluster string) string {
	if s.Spec.Report.Context != "" {
		return s.Spec.Report.Context
	}
	parts := []string{"daemongate", cluster, s.Namespace, s.Name}
	if cluster == "" {
		parts = append(parts[:1], parts[2:]...)
	}
	return strings.Join(parts, "/")
}

// targetURL is where a state links to; empty if the spec does not say.
func targetURL(s *api.Sync, cluster, commit string) string {
	return strings.NewReplacer("{commit}", commit, "{cluster}", url.PathEscape(cluster),
		"{namespace}", s.Namespace, "{name}", s.Name).Replace(s.Spec.Report.TargetURL)
}

// recorded are the moves that the status remembers: what a crash may have kept from the outbox.
func recorded(s *api.Sync) []gate.Move {
	var moves []gate.Move
	for i := len(s.Status.History) - 1; i >= 0; i-- {
		r := s.Status.History[i]
		moves = append(moves, gate.Move{Commit: r.Commit, Subject: r.Subject, State: r.State, By: r.By, Outcome: r.Outcome,
			Message: r.Message, Relapsed: r.Relapsed, At: r.Since.Time})
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
