package outbox

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/commitstatus"
	"github.com/daemongate/daemongate/sync/gate"
)

// reportOf is a move in the words of Git hosts (law 11): of its message what everybody may be told. It says the same
// for as long as the state is the same.
func reportOf(m gate.Move, nodes api.Public) report {
	outcome := m.State
	if m.By != "" {
		outcome = m.Outcome
	}
	r := report{Commit: m.Commit, Time: m.At, State: commitstatus.StateOf(m),
		Underway:    outcome == api.Applying || outcome == api.RollingOut,
		Description: api.Public(forge.Shorten(string(commitstatus.Describe(m) + nodes)))}
	r.Is, r.By, r.Relapsed = m.State, m.By, m.Relapsed
	if m.By != "" {
		r.Outcome = m.Outcome
	}
	return r
}

// Told is what everybody may be told of a move (law 11), with the nodes if the Sync lets them be named, and the code of
// the cause if there is one.
func Told(s *api.Sync, m gate.Move) (text api.Public, cause string) {
	return commitstatus.Describe(m) + nodesToTell(s, m), causeOf(s, m).Code
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
	return forge.Status{Commit: r.Commit, Context: commitstatus.Context(s, cluster), State: r.State,
		Underway: r.Underway, Description: string(r.Description), URL: TargetURL(s, cluster, r.Commit), Time: r.Time,
		Details: forge.Details{Sync: s.Namespace + "/" + s.Name, State: string(r.Is), By: r.By,
			Outcome: string(r.Outcome), Cause: r.Cause, Relapsed: r.Relapsed, Ailing: r.Ailing}}
}

// TargetURL is where a state links to; empty if the spec does not say.
func TargetURL(s *api.Sync, cluster, commit string) string {
	return strings.NewReplacer("{commit}", commit, "{cluster}", url.PathEscape(cluster),
		"{namespace}", s.Namespace, "{name}", s.Name).Replace(s.Spec.Report.TargetURL)
}
