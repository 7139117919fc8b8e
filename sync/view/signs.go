package view

import (
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Sign is how a class of nodes, or a state of commits, is shown wherever it is: the shape, one that every terminal has,
// and the words for it. Colours come on top, so that neither is needed.
type Sign struct{ Shape, ASCII, Words string }

var nodeSigns = map[rollout.NodeState]Sign{
	rollout.IsLost:          {"?", "?", "lost"},
	rollout.IsFailing:       {"✗", "X", "failing"},
	rollout.IsMissing:       {"○", "o", "without a pod"},
	rollout.IsFailingBefore: {"!", "!", "failing before"},
	rollout.IsAbsent:        {"-", "-", "absent"},
	rollout.IsUpdated:       {"▪", "n", "new pod"},
	rollout.IsOld:           {"·", ".", "old pod"},
	rollout.IsLate:          {"+", "+", "late"},
	rollout.IsSettled:       {"■", "#", "settled"},
}

var commitSigns = map[api.CommitState]Sign{
	api.Held:       {"…", ".", "held"},
	api.Applying:   {"▶", ">", "applying"},
	api.RollingOut: {"▶", ">", "rolling"},
	api.Complete:   {"✓", "v", "complete"},
	api.Stuck:      {"✗", "X", "stuck"},
	api.Failed:     {"!", "!", "failed"},
	api.Unchanged:  {"=", "=", "unchanged"},
	api.Carried:    {"↑", "^", "carried"},
	api.Dropped:    {"-", "-", "dropped"},
}

// NodeSign is the sign of a class of nodes.
func NodeSign(state rollout.NodeState) Sign {
	if s, known := nodeSigns[state]; known {
		return s
	}
	return Sign{"?", "?", string(state)}
}

// CommitSign is the sign of a state of commits.
func CommitSign(state api.CommitState) Sign {
	if s, known := commitSigns[state]; known {
		return s
	}
	return Sign{"?", "?", string(state)}
}

// Trouble are the states of nodes that somebody has to do something about, the worst first.
func Trouble() []rollout.NodeState {
	return []rollout.NodeState{rollout.IsLost, rollout.IsFailing, rollout.IsMissing}
}
