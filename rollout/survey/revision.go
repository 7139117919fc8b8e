package survey

import (
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// foundRevision is which of some revisions has a DaemonSet's template.
type foundRevision struct {
	live      *appsv1.DaemonSet
	revisions []*appsv1.ControllerRevision
	current   fact.Revision
	found     bool
}

// CurrentRevision is the revision of the live template, if there is one. Their templates are only read if one of them
// has changed.
func CurrentRevision(s *Survey) (current fact.Revision, found bool) {
	r := &s.cache.revision
	if !r.is(s.Live, s.Look.Revisions) {
		*r = foundRevision{live: s.Live, revisions: slices.Clone(s.Look.Revisions)}
		r.current, r.found = fact.CurrentRevision(s.Live, s.Look.Revisions)
	}
	return r.current, r.found
}

func (r *foundRevision) is(live *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision) bool {
	switch {
	case r.live == nil || !slices.Equal(r.revisions, revisions):
		return false
	case r.live == live:
		return true
	}
	return r.live.UID == live.UID && r.live.Name == live.Name &&
		reflect.DeepEqual(&r.live.Spec.Template, &live.Spec.Template)
}
