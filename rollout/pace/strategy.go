package pace

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
)

// A DaemonSet that has RollingUpdate in Git has OnDelete as long as there are old pods that the rollout holds back, and
// its own strategy again when the last stage is done. One that has none, such as one that was just made, need not be
// written.

// isOnDelete reports whether the DaemonSet controller replaces no pod by itself.
func (s *set) isOnDelete() bool {
	d := s.Look.DaemonSet
	return d != nil && d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
}

// isLoose reports whether the DaemonSet controller replaces old pods that the rollout is to hold back.
func (s *set) isLoose(in *Input) bool {
	return s.Held && s.hash != "" && !s.isOnDelete() && !in.Progress.Back && s.isAnyReachable()
}

// isAnyReachable reports whether an old pod can go.
func (s *set) isAnyReachable() bool {
	for i := range s.sites {
		if isReachable(&s.sites[i]) {
			return true
		}
	}
	return false
}

// looseness says which DaemonSet is to be held first; empty if none is.
func (f *fleet) looseness() string {
	for _, s := range f.sets {
		if s.isLoose(f.in) {
			return fmt.Sprintf("DaemonSet %s/%s gets the update strategy OnDelete first: its controller would replace "+
				"the pods by itself", s.Target.Namespace, s.Target.Name)
		}
	}
	return ""
}

// strategies are those to be written: OnDelete at once, and what the commit asks for when all stages are done.
func (f *fleet) strategies(back bool) (list []Strategy) {
	for _, s := range f.sets {
		take, give := s.isLoose(f.in), back && s.isLent()
		if take || give {
			list = append(list, Strategy{Namespace: s.Target.Namespace, Name: s.Target.Name,
				Generation: s.Look.DaemonSet.Generation, OnDelete: take})
		}
	}
	return list
}

// isLent reports whether the DaemonSet has OnDelete although the commit asks for something else.
func (s *set) isLent() bool { return s.Held && s.isOnDelete() }

// isAnyLent reports whether a strategy is still to be given back.
func (f *fleet) isAnyLent() bool {
	for _, s := range f.sets {
		if s.isLent() {
			return true
		}
	}
	return false
}

// giveBack decides whether the strategies are given back: when the last stage is done, but for a person who wants
// nothing to go on. A node that comes back may have an old pod, and its controller replaces that then.
func giveBack(c *course) {
	if c.isDone() && c.isLast() && c.in.Paused == "" && c.isAnyLent() {
		c.progress.Back = true
	}
}
