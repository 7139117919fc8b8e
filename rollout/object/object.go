// Package object judges what is not a DaemonSet: whether a Deployment, a Job or an object with conditions is ready.
package object

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// Look is what is seen at one time of an object that is no DaemonSet.
type Look struct {
	Now time.Time
	// Live is nil if there is no such object.
	Live *unstructured.Unstructured
	// Problem is why it could not be read; then Live says nothing.
	Problem string
}

// Judge says of one object of another kind whether it has become what the commit asks for: by kstatus, and by rules of
// our own where those of kstatus would let a commit pass too early (see readiness). It is Stuck when its own controller
// has given up, or when it has come no further for longer than the progress deadline.
func Judge(l Look, t rollout.Target, m rollout.Memory, o rollout.Options) (rollout.Judgement, rollout.Memory) {
	s := &objectSurvey{look: l, target: t, before: m, memory: survey.NextMemory(m), options: o.WithDefaults()}
	if s.memory.First.IsZero() {
		s.memory.First = l.Now
	}
	if s.memory.Rose.IsZero() {
		s.memory.Rose = t.AppliedAt
	}
	if s.memory.Rose.IsZero() {
		s.memory.Rose = s.memory.First
	}
	j := rollout.Judgement{Object: s.name(), Verdict: rollout.Progressing}
	f := s.examine()
	switch {
	case f == nil:
		j.Verdict, j.Headline = rollout.Complete, s.name()+" is ready"
	case f.Final:
		j.Verdict, j.Headline = rollout.Stuck, fmt.Sprintf("%s is stuck: %s", s.name(), f.Code)
	default:
		j.Headline = s.name() + ": " + words.Clip(f.Message, maxObjectHeadline)
	}
	if f != nil {
		j.Causes = []rollout.Cause{{Code: f.Code, About: s.name(), Message: f.Message, Remedy: f.Remedy, Since: f.Since,
			Final: f.Final}}
	}
	if l.Live != nil {
		j.OldPods = oldPods(l.Live)
	}
	j.Wake = s.wake
	return j, s.memory
}

// maxObjectHeadline is how many characters of an object's own words stand in its headline.
const maxObjectHeadline = 120

// objectSurvey is one look at an object and what is made of it.
type objectSurvey struct {
	look    Look
	target  rollout.Target
	options rollout.Options
	before  rollout.Memory
	memory  rollout.Memory
	wake    time.Time
}

// name is how the object is called, on the Git host too: it is one of the commit's own.
func (s *objectSurvey) name() string {
	if s.target.Namespace == "" {
		return s.target.Kind + " " + s.target.Name
	}
	return s.target.Kind + " " + s.target.Namespace + "/" + s.target.Name
}

// examine is why the object does not count yet; nil if it does.
func (s *objectSurvey) examine() *survey.Finding {
	live := s.look.Live
	switch {
	case s.before.Done: // a Job stays what it was, also when its time to live has passed
		s.memory.Done = true
		return nil
	case s.look.Problem != "":
		return s.unready(rollout.NotReady, "it cannot be read: "+s.look.Problem)
	case live == nil:
		return s.deleted(s.name() + " does not exist any more: it was deleted after it was applied")
	case s.target.UID != "" && live.GetUID() != s.target.UID:
		return s.deleted(s.name() + " was deleted and made anew by somebody else")
	case live.GetDeletionTimestamp() != nil:
		return s.deleted(s.name() + " is being deleted")
	}
	if observed, is := observedGeneration(live); !is && s.mustObserve() || is && observed < max(s.target.Generation,
		live.GetGeneration()) {
		return s.notObserved(observed, max(s.target.Generation, live.GetGeneration()))
	}
	s.raiseMark()
	state := readiness(live)
	switch {
	case state.ready:
		s.memory.Done = isJob(live)
		return nil
	case state.final && !s.older(state):
		f := s.finding(state.code, state.message)
		f.Final = true
		return f
	}
	return s.unready(state.code, state.message)
}

// mustObserve reports whether the kind's controller says which generation it speaks of. Those of other kinds may.
func (s *objectSurvey) mustObserve() bool {
	group := s.look.Live.GroupVersionKind().Group
	return group == "apps" && (s.target.Kind == "Deployment" || s.target.Kind == "StatefulSet")
}

// older reports whether a failure was said of what was there before this apply. A Deployment keeps saying so, also of a
// new template, until a pod of that makes progress:
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
func (s *objectSurvey) older(state objectState) bool {
	// conditions have no fractions
	return !state.said.IsZero() && state.said.Before(s.target.AppliedAt.Truncate(time.Second))
}

// raiseMark raises the high-water mark of what the object says of its progress, from which the deadline counts.
func (s *objectSurvey) raiseMark() {
	if p := progress(s.look.Live); p > s.memory.Mark {
		s.memory.Mark, s.memory.Rose = p, s.look.Now
	}
}

// unready is trouble that may pass by itself, until the deadline.
func (s *objectSurvey) unready(code rollout.Code, message string) *survey.Finding {
	f := s.finding(code, message)
	deadline := s.memory.Rose.Add(s.options.ProgressDeadline)
	if s.look.Live != nil {
		deadline = deadline.Add(objectAllowance(s.look.Live))
	}
	s.ripen(f, deadline)
	return f
}

func (s *objectSurvey) deleted(message string) *survey.Finding {
	f := s.finding(rollout.Deleted, message)
	s.ripen(f, f.Since.Add(s.options.TimeFor(rollout.Deleted)))
	return f
}

// notObserved is a generation that nobody has seen yet. The controllers of Kubernetes itself are quick; that of a
// custom resource may be busy with what the one before asked for.
func (s *objectSurvey) notObserved(observed, wanted int64) *survey.Finding {
	message := fmt.Sprintf("its controller has observed generation %d, this commit is generation %d", observed, wanted)
	if !s.mustObserve() {
		return s.unready(rollout.NotObserved, message)
	}
	f := s.finding(rollout.NotObserved, message)
	s.ripen(f, f.Since.Add(s.options.TimeFor(rollout.NotObserved)))
	return f
}

func (s *objectSurvey) ripen(f *survey.Finding, instant time.Time) {
	f.Final = !s.look.Now.Before(instant)
	if !f.Final {
		s.wake = instant
	}
}

// finding is trouble with the object, since it was first seen.
func (s *objectSurvey) finding(code rollout.Code, message string) *survey.Finding {
	since, seen := s.before.Since[string(code)]
	if !seen {
		since = s.look.Now
	}
	survey.Remember(&s.memory.Since, s.before.Since, string(code), since)
	return &survey.Finding{Code: code, Message: message, Since: since, Remedy: s.remedy(code)}
}
