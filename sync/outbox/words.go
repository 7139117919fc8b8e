package outbox

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
)

// reportOf is a move in the words of Git hosts (law 11): of its message what everybody may be told. It says the same
// for as long as the state is the same.
func reportOf(m gate.Move, nodes api.Public) report {
	outcome := m.State
	if m.By != "" {
		outcome = m.Outcome
	}
	r := report{Commit: m.Commit, Time: m.At, State: hostState(outcome),
		Underway:    outcome == api.Applying || outcome == api.RollingOut,
		Description: api.Public(forge.Shorten(string(descriptionOf(m) + nodes)))}
	r.Is, r.By, r.Relapsed = m.State, m.By, m.Relapsed
	if m.By != "" {
		r.Outcome = m.Outcome
	}
	if m.Relapsed {
		r.State = forge.Failure
	}
	return r
}

// descriptionOf says what a commit came to.
func descriptionOf(m gate.Move) api.Public {
	lead, what, message := api.Public(api.Short(m.By)), api.Public(m.Outcome), messageFor(m)
	if m.Relapsed {
		message = cmp.Or(message, "relapsed") // an older version's message is not for everybody
	}
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

// Told is what everybody may be told of a move (law 11), with the nodes if the Sync lets them be named, and the code of
// the cause if there is one.
func Told(s *api.Sync, m gate.Move) (text api.Public, cause string) {
	return descriptionOf(m) + nodesToTell(s, m), causeOf(s, m).Code
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
	cause := causeOf(s, m)
	if told := s.Spec.Report.Nodes && !s.Spec.Report.CountsOnly(); !told {
		return ""
	}
	names := words.FoldNames(cause.Nodes)
	if more := cause.NodeCount - len(cause.Nodes); more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	if names == "" {
		return ""
	}
	return api.Public(" (" + names + ")")
}

// causeOf is why what a move is about is stuck or has relapsed; empty if it is neither.
func causeOf(s *api.Sync, m gate.Move) api.Cause {
	f := s.Status.InFlight
	if f == nil || len(f.Causes) == 0 || f.Commit != m.Commit && f.Commit != m.By ||
		f.State != api.Stuck && !m.Relapsed {
		return api.Cause{}
	}
	return f.Causes[0]
}

// addressed is a report as it goes to the host.
func (r report) addressed(s *api.Sync, cluster string) forge.Status {
	return forge.Status{Commit: r.Commit, Context: reportContext(s, cluster), State: r.State, Underway: r.Underway,
		Description: string(r.Description), URL: TargetURL(s, cluster, r.Commit), Time: r.Time,
		Details: forge.Details{Sync: s.Namespace + "/" + s.Name, State: string(r.Is), By: r.By,
			Outcome: string(r.Outcome), Cause: r.Cause, Relapsed: r.Relapsed}}
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

// TargetURL is where a state links to; empty if the spec does not say.
func TargetURL(s *api.Sync, cluster, commit string) string {
	return strings.NewReplacer("{commit}", commit, "{cluster}", url.PathEscape(cluster),
		"{namespace}", s.Namespace, "{name}", s.Name).Replace(s.Spec.Report.TargetURL)
}
