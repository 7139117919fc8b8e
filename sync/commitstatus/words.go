// Package commitstatus has the words of commit statuses: what stands on a Git host about a commit, and what programs
// read out of that again. A host knows four states, so that a commit's own one stands in the text.
package commitstatus

import (
	"cmp"
	"strings"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
)

// What a text begins with, and goes on with behind a commit. Whatever follows may be cut: Read does not need it.
const (
	relapsed  = "relapsed"
	partOf    = "rolled out as part of "
	carriedBy = "carried by "
	sameAs    = "Unchanged: the same as "
	whichIs   = ", which is "
	which     = ", which "
)

// StateOf is what a commit came to in the words of Git hosts.
func StateOf(m gate.Move) forge.State {
	switch {
	case m.Relapsed:
		return forge.Failure
	case m.By != "":
		return hostState(m.Outcome)
	}
	return hostState(m.State)
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

// Describe says what a commit came to. It says the same for as long as the state is the same.
func Describe(m gate.Move) api.Public {
	lead, message := api.Public(api.Short(m.By)), messageFor(m)
	if m.Relapsed && !isWord(string(message), relapsed) { // an older version's message is not for everybody
		message = Explained(relapsed, message)
	}
	switch {
	case m.State == api.Carried && m.Relapsed:
		return carriedBy + lead + which + message
	case m.State == api.Carried && m.Outcome == api.Complete:
		return partOf + lead
	case m.State == api.Carried && m.Outcome == api.Stuck:
		return Explained(carriedBy+lead+whichIs+api.Public(api.Stuck), message)
	case m.State == api.Carried:
		return carriedBy + lead
	case m.State == api.Unchanged && m.Relapsed:
		return sameAs + lead + which + message
	case m.State == api.Unchanged:
		return Explained(sameAs+lead+whichIs+api.Public(m.Outcome), message)
	case m.Relapsed:
		return message
	}
	return Explained(api.Public(m.State), message)
}

// messageFor is what a host is told with a state. How far a commit is that is under way is told in quarters.
func messageFor(m gate.Move) api.Public {
	switch cmp.Or(m.Outcome, m.State) {
	case api.Applying, api.RollingOut:
		return ""
	}
	return m.Message.Public
}

// Explained is a text with its explanation, which may be empty.
func Explained(text, explanation api.Public) api.Public {
	return api.Public(english.Join(string(text), ": ", string(explanation)))
}

// first is the first part of every context that tells of a cluster.
const first = "daemongate"

// Context tells the statuses of Syncs and clusters on the same commit apart.
func Context(s *api.Sync, cluster string) string {
	if s.Spec.Report.Context != "" {
		return s.Spec.Report.Context
	}
	parts := []string{first, cluster, s.Namespace, s.Name}
	if cluster == "" {
		parts = append(parts[:1], parts[2:]...)
	}
	return strings.Join(parts, "/")
}
