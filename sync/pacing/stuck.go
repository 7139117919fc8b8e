package pacing

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// stuck has a rollout be stuck whose stage is held up for too long by what the judge does not see. What the judge has
// found leads: it is of single nodes.
func stuck(r *gate.Rollout, c pace.Cause, s *api.Sync) {
	f := s.Status.InFlight
	if c.Code == "" || f.State == api.Complete || f.Unwritten() || r.State == api.Complete {
		return
	}
	cause := causeOf(c, s.Spec.Report.CountsOnly())
	if r.State == api.Stuck {
		r.Causes = append(r.Causes, cause)
		return
	}
	r.State, r.Causes = api.Stuck, append([]api.Cause{cause}, r.Causes...)
	r.Message = api.Message{Private: cause.Code + ": " + cause.Message,
		Public: api.Public(cause.Code + ": " + c.Code.Meaning())}
}

// mostNodes is how many nodes a cause names.
const mostNodes = 10

// causeOf is a cause as it stands in the status. Where nodes are only counted, what it says of them is left out.
func causeOf(c pace.Cause, countsOnly bool) api.Cause {
	cause := api.Cause{Code: string(c.Code), NodeCount: len(c.Nodes), Nodes: c.Nodes[:min(len(c.Nodes), mostNodes)],
		Message: c.Message, Remedy: c.Remedy, Since: metav1.NewTime(c.Since)}
	if c.Name != "" {
		cause.Object = "DaemonSet " + c.Namespace + "/" + c.Name
	}
	if !countsOnly {
		return cause
	}
	cause.Nodes = nil
	if c.Code != rollout.StrategyKept && c.Code != rollout.EvictionForbidden { // which are of no single node
		cause.Message = c.Code.Meaning()
	}
	return cause
}
