package judge

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// rejected is a node that refuses its pod: the pod fails as a whole (evicted, not admitted) and the controller makes
// another one. Once happens; the second time is a cause.
func rejected(s *survey, at *site) *finding {
	before := s.before.Rejected[at.name]
	count, uid := before.Count, before.UID
	if at.failed != nil && string(at.failed.UID) != uid {
		count, uid = count+1, string(at.failed.UID)
	}
	reason, message := whyRejected(s, at)
	if count > 0 {
		s.rememberRejections(at.name, rollout.Rejections{Count: count, UID: uid, Reason: reason})
	}
	said := s.rejections[at.name]
	count = max(count, said.Count)
	if count == 0 {
		return nil
	}
	why := "its pod failed"
	if reason != "" {
		why = strings.TrimSuffix(fmt.Sprintf("%s: %s", reason, words.Clip(message, 300)), ": ")
	}
	f := &finding{
		code: rollout.Rejected, key: reason, about: reason, message: "the node refuses the pod: " + why, remedy: rejectedRemedy(s, at, reason),
	}
	if said.Found() {
		f.since = s.since(rollout.Rejected, at.name, true, fact.Latest(said.First, s.remembered().Observed))
	} else {
		f.since = s.since(rollout.Rejected, at.name, true)
	}
	if at.failed != nil {
		f.pod = at.failed.Name
	}
	return s.ripenCounted(f, count)
}

// rejectedBefore is a node that refused its pod and is trying the next one.
func rejectedBefore(s *survey, at *site, _ *corev1.Pod) *finding {
	if !at.ready.IsZero() {
		return nil
	}
	return rejected(s, at)
}

// lookForRejections sorts the DaemonSet's Events about pods that are over by the node that they name.
func lookForRejections(s *survey) {
	last := map[string]string{}
	for _, e := range s.events[s.live.UID] {
		pod, node := podThatIsOver(e)
		if seen, _ := fact.LastSeen(e, s.now); node == "" || seen.Before(s.remembered().Observed) {
			continue
		}
		if s.rejections == nil {
			s.rejections = map[string]fact.Trace{}
		}
		t := s.rejections[node]
		t.Add(e, s.now)
		if t.Message == e.Message {
			last[node] = pod
		}
		s.rejections[node] = t
	}
	if len(last) > 0 {
		lookForRefused(s, last)
	}
}
