package judge

import (
	"fmt"

	"github.com/daemongate/daemongate/rollout"
)

// nodeLost is a node that went down soon after its pod was updated: an agent can kill its node.
func nodeLost(s *survey, at *site) *finding {
	f := &finding{
		code: rollout.NodeLost, since: s.since(rollout.NodeLost, at.name, false, at.lostAt),
		message: fmt.Sprintf("the node went not ready, or rebooted, within %s after its pod was updated", lostWithin),
		remedy: fmt.Sprintf("Look at the node before more of them get the new pod: `kubectl describe node %s`, its console and its "+
			"kubelet's log. If the new pod is to blame, revert the commit; if not, cordon or delete the node and it is no longer "+
			"counted.", at.name),
	}
	if p := s.updatedPod(at); p != nil {
		f.pod = p.Name
	}
	return s.ripen(f)
}
