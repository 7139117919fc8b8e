package survey

import (
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// MaxRemembered bounds each list of Memory, so that it stays a few KB whatever the size of the fleet.
const MaxRemembered = 100

// NextMemory is the memory that a look begins with: what holds until it is known better. The lists are made anew, of
// what is still so.
func NextMemory(m rollout.Memory) rollout.Memory {
	m.Since, m.Lost, m.Boots, m.Rejected, m.Ended, m.Clocks = nil, nil, nil, nil, nil, nil
	m.Killed, m.Answers = nil, nil
	return m
}

// Remember puts something into one of the lists, unless it is full. What was remembered before has its place already.
func Remember[T any](list *map[string]T, before map[string]T, key string, value T) {
	if _, had := before[key]; !had && len(*list)+len(before) >= MaxRemembered {
		return
	}
	if *list == nil {
		*list = map[string]T{}
	}
	(*list)[key] = value
}

// maxAnswers bounds what is remembered of what hooks and probes answered.
const maxAnswers = 10

// Remembered is what the next look is to know, so far.
func (s *Survey) Remembered() rollout.Memory { return s.memory }

// RememberRevision begins to count by a template, which the controller works with since an instant.
func (s *Survey) RememberRevision(hash string, observed time.Time) {
	s.memory.Hash, s.memory.Mark = hash, 0
	s.memory.Observed, s.memory.Rose = observed, observed
}

// RememberMark keeps how many nodes have settled at most, and when they became more.
func (s *Survey) RememberMark(mark int, rose time.Time) { s.memory.Mark, s.memory.Rose = mark, rose }

// RememberBrake keeps the causes that the brake was pulled for; nil forgets them.
func (s *Survey) RememberBrake(causes []rollout.Cause) { s.memory.Brake = causes }

// RememberCounted has a node that was failing before the commit count from now on, whatever becomes of it.
func (s *Survey) RememberCounted(node string) {
	s.memory.Counted = append(slices.Clip(s.memory.Counted), node)
}

// RememberLost keeps when this rollout lost a node.
func (s *Survey) RememberLost(node string, at time.Time) {
	Remember(&s.memory.Lost, s.Before.Lost, node, at)
}

// RememberBoot keeps which boot of a node its pod was updated in.
func (s *Survey) RememberBoot(node, boot string) {
	Remember(&s.memory.Boots, s.Before.Boots, node, boot)
}

// RememberClock keeps how a node's clock went when it was read.
func (s *Survey) RememberClock(node string, c rollout.ReadClock) {
	Remember(&s.memory.Clocks, s.Before.Clocks, node, c)
}

// RememberRejections keeps how often a node has refused its pod.
func (s *Survey) RememberRejections(node string, r rollout.Rejections) {
	Remember(&s.memory.Rejected, s.Before.Rejected, node, r)
}

// RememberEnding keeps how pods of the template ended on a node.
func (s *Survey) RememberEnding(node string, e rollout.Ending) {
	Remember(&s.memory.Ended, s.Before.Ended, node, e)
}

// RememberKill keeps what a container was ended for, by the UID of its pod and its name.
func (s *Survey) RememberKill(container string, k rollout.Killed) {
	Remember(&s.memory.Killed, s.Before.Killed, container, k)
}

// RememberAnswer keeps what a hook or a probe last answered, by container and hook or probe.
func (s *Survey) RememberAnswer(key, answer string) {
	if _, had := s.memory.Answers[key]; had || len(s.memory.Answers) < maxAnswers {
		Remember(&s.memory.Answers, s.Before.Answers, key, answer)
	}
}

// rememberSince keeps when a symptom was first seen that carries no time of its own.
func (s *Survey) rememberSince(symptom string, began time.Time) {
	Remember(&s.memory.Since, s.Before.Since, symptom, began)
}
