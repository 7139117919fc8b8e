package sync

import (
	"context"
	"time"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/render"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// unavailablePause is how long a commit waits that could not be prepared through no fault of its own.
const unavailablePause = 5 * time.Second

// readySet is a set that the cluster said it would accept.
type readySet struct {
	Prepared
	set manifests.Set
	// sick are the nodes of each DaemonSet that are failing before the first write.
	sick map[manifests.ID][]string
}

// prepare renders a commit and has the cluster check the whole of it. Nothing is written.
func (c *Controller) prepare(ctx context.Context, l *lane, commit string) *readySet {
	r := &readySet{Prepared: Prepared{Commit: commit, Generation: l.sync.Generation}}
	tree, err := l.repo.Tree(ctx, commit)
	if err != nil {
		return r.not(Unavailable, err, c.Now())
	}
	built, err := render.Build(ctx, tree, l.sync.Spec.Source.Path, render.Options{})
	if err != nil {
		return r.not(Invalid, err, c.Now())
	}
	set, err := manifests.NewSet(built.Objects)
	if err != nil {
		return r.not(Invalid, err, c.Now())
	}
	writer, err := c.Connect.Writer(l.sync)
	if err != nil {
		return r.not(Unavailable, err, c.Now())
	}
	set, err = writer.Resolve(ctx, set, writeOptions(l.sync))
	if err != nil {
		return r.refused(err, c.Now())
	}
	r.set, r.Digest, r.Outcome = set, set.Digest(), Ready
	if f := l.sync.Status.InFlight; f != nil && f.Digest == r.Digest && !unwritten(f) {
		return r
	}
	if err := writer.DryRun(ctx, set, writeOptions(l.sync)); err != nil {
		return r.refused(err, c.Now())
	}
	return c.lookAhead(ctx, l, r)
}

// refused says that the cluster would not take the set, unless it is the cluster that is in trouble.
func (r *readySet) refused(err error, now time.Time) *readySet {
	if manifests.Temporary(err) {
		return r.not(Unavailable, err, now)
	}
	return r.not(Refused, err, now)
}

func (r *readySet) not(o Outcome, err error, now time.Time) *readySet {
	r.Outcome, r.Problem, r.Digest = o, err.Error(), ""
	r.RetryAt = now.Add(unavailablePause)
	return r
}

func writeOptions(s *api.Sync) manifests.Options {
	return manifests.Options{
		Owner:            manifests.Owner{Namespace: s.Namespace, Name: s.Name},
		Force:            s.Spec.Apply.Force,
		TargetNamespace:  s.Spec.Apply.TargetNamespace,
		DefaultNamespace: s.Namespace,
	}
}
