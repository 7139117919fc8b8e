package judge

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// measure says what a node is short of and what would make room. That is computed if all pods of the node are known,
// which they are to nobody but `explain`; else as much as the scheduler's own message and the node tell.
func measure(s *survey, f *finding, at *site, p *corev1.Pod, reasons []string) {
	if s.measured >= rollout.MaxShortfalls {
		return
	}
	f.shortfalls = shortfallsSaid(s.look.Others.Pods, p, at.name, at.node, reasons)
	if len(f.shortfalls) == 0 && !s.look.Others.Known() {
		return
	}
	s.measured++
	if why, unread := s.look.Others.Lacks(rollout.KindPods); unread {
		if areHeld(f.shortfalls) {
			return
		}
		f.relief = &rollout.Relief{Node: at.name}
		f.relief.Notes = []string{fmt.Sprintf("which of its other pods could make room is not known (%s)", why)}
		return
	}
	if !s.look.Others.Known() || at.node == nil || !s.crowd().knows(at.name) {
		return
	}
	list, relief := s.crowd().measure(p, at.node)
	if len(list) > 0 {
		f.shortfalls, f.relief = list, relief
	} else if len(f.shortfalls) > 0 {
		f.relief = &rollout.Relief{Node: at.name}
		f.relief.Notes = []string{"by what stands there now there is room: the scheduler tries again by itself"}
	}
}
