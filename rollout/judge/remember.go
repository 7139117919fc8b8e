package judge

import (
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// maxRemembered bounds each list of Memory, so that it stays a few KB whatever the size of the fleet.
const maxRemembered = 100

// nextMemory is the memory that a look begins with: what holds until it is known better. The lists are made anew, of what is
// still so.
func nextMemory(m rollout.Memory) rollout.Memory {
	m.Since, m.Lost, m.Boots, m.Rejected, m.Ended, m.Clocks = nil, nil, nil, nil, nil, nil
	m.Killed, m.Answers = nil, nil
	return m
}

// remember puts something into one of the lists, unless it is full. What was remembered before has its place already.
func remember[T any](list *map[string]T, before map[string]T, key string, value T) {
	if _, had := before[key]; !had && len(*list)+len(before) >= maxRemembered {
		return
	}
	if *list == nil {
		*list = map[string]T{}
	}
	(*list)[key] = value
}

// maxAnswers bounds what is remembered of what hooks and probes answered.
const maxAnswers = 10

// remembered is what the next look is to know, so far.
func (s *survey) remembered() rollout.Memory { return s.memory }

// rememberRevision begins to count by a template, which the controller works with since an instant.
func (s *survey) rememberRevision(hash string, observed time.Time) {
	s.memory.Hash, s.memory.Mark = hash, 0
	s.memory.Observed, s.memory.Rose = observed, observed
}

// rememberMark keeps how many nodes have settled at most, and when they became more.
func (s *survey) rememberMark(mark int, rose time.Time) { s.memory.Mark, s.memory.Rose = mark, rose }

// rememberBrake keeps the causes that the brake was pulled for; nil forgets them.
func (s *survey) rememberBrake(causes []rollout.Cause) { s.memory.Brake = causes }

// rememberCounted has a node that was failing before the commit count from now on, whatever becomes of it.
func (s *survey) rememberCounted(node string) {
	s.memory.Counted = append(slices.Clip(s.memory.Counted), node)
}

func (s *survey) rememberLost(node string, at time.Time) {
	remember(&s.memory.Lost, s.before.Lost, node, at)
}

func (s *survey) rememberBoot(node, boot string) {
	remember(&s.memory.Boots, s.before.Boots, node, boot)
}

func (s *survey) rememberClock(node string, c rollout.ReadClock) {
	remember(&s.memory.Clocks, s.before.Clocks, node, c)
}

func (s *survey) rememberRejections(node string, r rollout.Rejections) {
	remember(&s.memory.Rejected, s.before.Rejected, node, r)
}

func (s *survey) rememberEnding(node string, e rollout.Ending) {
	remember(&s.memory.Ended, s.before.Ended, node, e)
}

func (s *survey) rememberKill(container string, k rollout.Killed) {
	remember(&s.memory.Killed, s.before.Killed, container, k)
}

func (s *survey) rememberAnswer(key, answer string) {
	if _, had := s.memory.Answers[key]; had || len(s.memory.Answers) < maxAnswers {
		remember(&s.memory.Answers, s.before.Answers, key, answer)
	}
}

// rememberSince keeps when a symptom was first seen that carries no time of its own.
func (s *survey) rememberSince(symptom string, began time.Time) {
	remember(&s.memory.Since, s.before.Since, symptom, began)
}
