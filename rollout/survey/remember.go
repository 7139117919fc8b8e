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
		*list = make(map[string]T, len(before)) // most is remembered again
	}
	(*list)[key] = value
}

// notes are what the look before has left for this one, and what this one leaves for the next.
type notes struct {
	clock
	Before     rollout.Memory // of the look before
	memory     rollout.Memory // for the next one
	measured   int            // nodes of which it was found out what they are short of
	ReadClocks []string       // nodes whose clocks nobody has read lately
}

// maxAnswers bounds what is remembered of what hooks and probes answered.
const maxAnswers = 10

// Remembered is what the next look is to know, so far.
func (s *notes) Remembered() rollout.Memory { return s.memory }

// RememberRevision begins to count by a template, which the controller works with since an instant.
func (s *notes) RememberRevision(hash string, observed time.Time) {
	s.memory.Hash, s.memory.Mark = hash, 0
	s.memory.Observed, s.memory.Rose = observed, observed
}

// RememberMark keeps how many nodes have settled at most, and when they became more.
func (s *notes) RememberMark(mark int, rose time.Time) { s.memory.Mark, s.memory.Rose = mark, rose }

// RememberBrake keeps the causes that the brake was pulled for; nil forgets them.
func (s *notes) RememberBrake(causes []rollout.Cause) { s.memory.Brake = causes }

// RememberCounted has a node that was failing before the commit count from now on, whatever becomes of it.
func (s *notes) RememberCounted(node string) {
	s.keep(ofCounted, true, func(s *notes) {
		s.memory.Counted = append(slices.Clip(s.memory.Counted), node)
	})
}

// list is one of the bounded lists of Memory.
type list int

const (
	ofSince list = iota
	ofLost
	ofBoots
	ofClocks
	ofRejected
	ofEnded
	ofKilled
	ofCounted // of which as many are remembered as there are
)

// isFull reports whether a list takes nothing but what was remembered before.
func (s *notes) isFull(in list) bool {
	now, before := &s.memory, &s.Before
	var n int
	switch in {
	case ofSince:
		n = len(now.Since) + len(before.Since)
	case ofLost:
		n = len(now.Lost) + len(before.Lost)
	case ofBoots:
		n = len(now.Boots) + len(before.Boots)
	case ofClocks:
		n = len(now.Clocks) + len(before.Clocks)
	case ofRejected:
		n = len(now.Rejected) + len(before.Rejected)
	case ofEnded:
		n = len(now.Ended) + len(before.Ended)
	case ofKilled:
		n = len(now.Killed) + len(before.Killed)
	}
	return n >= MaxRemembered
}

// RememberLost keeps when this rollout lost a node.
func (s *notes) RememberLost(node string, at time.Time) {
	_, had := s.Before.Lost[node]
	s.keep(ofLost, had, func(s *notes) { Remember(&s.memory.Lost, s.Before.Lost, node, at) })
}

// RememberBoot keeps which boot of a node its pod was updated in.
func (s *notes) RememberBoot(node, boot string) {
	_, had := s.Before.Boots[node]
	s.keep(ofBoots, had, func(s *notes) { Remember(&s.memory.Boots, s.Before.Boots, node, boot) })
}

// RememberClock keeps how a node's clock went when it was read.
func (s *notes) RememberClock(node string, c rollout.ReadClock) {
	_, had := s.Before.Clocks[node]
	s.keep(ofClocks, had, func(s *notes) { Remember(&s.memory.Clocks, s.Before.Clocks, node, c) })
}

// RememberRejections keeps how often a node has refused its pod.
func (s *notes) RememberRejections(node string, r rollout.Rejections) {
	_, had := s.Before.Rejected[node]
	s.keep(ofRejected, had, func(s *notes) { Remember(&s.memory.Rejected, s.Before.Rejected, node, r) })
}

// RememberEnding keeps how pods of the template ended on a node.
func (s *notes) RememberEnding(node string, e rollout.Ending) {
	_, had := s.Before.Ended[node]
	s.keep(ofEnded, had, func(s *notes) { Remember(&s.memory.Ended, s.Before.Ended, node, e) })
}

// RememberKill keeps what a container was ended for, by the UID of its pod and its name.
func (s *notes) RememberKill(container string, k rollout.Killed) {
	_, had := s.Before.Killed[container]
	s.keep(ofKilled, had, func(s *notes) { Remember(&s.memory.Killed, s.Before.Killed, container, k) })
}

// RememberAnswer keeps what a hook or a probe last answered, by container and hook or probe.
func (s *notes) RememberAnswer(key, answer string) {
	s.keep(ofKilled, true, func(s *notes) {
		if _, had := s.memory.Answers[key]; had || len(s.memory.Answers) < maxAnswers {
			Remember(&s.memory.Answers, s.Before.Answers, key, answer)
		}
	})
}

// AnsweredBefore is what a hook or a probe last answered, as it was remembered.
func (s *notes) AnsweredBefore(key string) string {
	if s.on != nil {
		s.on.answers = true
	}
	return s.Before.Answers[key]
}

// rememberSince keeps when a symptom was first seen that carries no time of its own.
func (s *notes) rememberSince(symptom string, began time.Time) {
	_, had := s.Before.Since[symptom]
	s.keep(ofSince, had, func(s *notes) { Remember(&s.memory.Since, s.Before.Since, symptom, began) })
}

// AskForClock asks how the clock of a node goes, in this look: a few of them at most.
func (s *notes) AskForClock(node string) {
	s.on.holdsOnce()
	if len(s.ReadClocks) < rollout.MaxShortfalls {
		s.ReadClocks = append(s.ReadClocks, node)
	}
}
