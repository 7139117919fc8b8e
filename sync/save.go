package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/summary"
)

// progressPause is how often mere progress is written at most.
const progressPause = 10 * time.Second

// passingPause is how long it takes at most until a status says of commits that they change nothing; half of it at
// least, so that not all Syncs of a repository are written at once.
const passingPause = 10 * time.Minute

// save writes the status if it says anything new. Mere progress waits up to progressPause; and with passing that
// commits change nothing, up to passingPause. What waits is found out again after a crash.
func (l *syncLoop) save(ctx context.Context, next api.SyncStatus, passing bool) error {
	before := l.sync.Status
	l.sync.Status = next
	likely := next
	likely.Left = l.saved.status.Left // which alone is not worth a write
	if equality.Semantic.DeepEqual(l.saved.status, likely) {
		l.saved.passes = time.Time{}
		l.sync.Status = l.saved.status // nobody changes a status in place: one of them is enough
		l.sync.Status.Left = next.Left
		return nil
	}
	now := l.Now()
	if due := l.saved.due(before.Head, next, now, passing); now.Before(due) {
		l.sleep(due)
		return nil
	}
	// An informer's newer Sync may have the status of somebody else who writes: it is written onto what is known.
	known := *l.sync
	known.ResourceVersion = l.saved.version
	var updated *api.Sync
	var err error
	if known.Status, err = l.Syncs.Inventories.Save(ctx, l.Syncs, &known, l.saved.status); err == nil {
		updated, err = l.Syncs.UpdateStatus(ctx, &known, l.saved.server)
	}
	if err != nil {
		l.sync.Status = before
		return err
	}
	next.StoredInventory, next.StoredWorkloads = known.Status.StoredInventory, known.Status.StoredWorkloads
	l.sync.Status = next
	l.saved = savedStatus{status: next, at: now, server: updated.Status, version: updated.ResourceVersion}
	known.Status = next // with what is stored beside it
	l.Syncs.keeps(&known)
	return nil
}

// due is when a status has to be written, at the latest; not after now if that is at once.
func (s *savedStatus) due(head string, next api.SyncStatus, now time.Time, passing bool) time.Time {
	was, is := withoutProgress(s.status), withoutProgress(next)
	if equality.Semantic.DeepEqual(was, is) {
		return s.at.Add(progressPause)
	}
	if !passing || s.status.Head == "" || s.lacks(next) >= mostUnwritten ||
		!equality.Semantic.DeepEqual(withoutPassing(was), withoutPassing(is)) {
		return now
	}
	if s.passes.IsZero() {
		s.passes = now.Add(passingPause/2 + rand.N(passingPause/2))
	}
	if head != next.Head {
		s.headAt = now
	}
	due := s.passes
	if long := s.headAt.Add(progressPause); next.Head != next.Passed && long.Before(due) {
		due = long // it takes long to find out what the commit changes
	}
	if progress := s.at.Add(progressPause); rolled(s.status.InFlight, next.InFlight) && progress.Before(due) {
		due = progress
	}
	return due
}

// rolled reports whether the pods of a flight have changed, or what is remembered of them, whoever follows it.
func rolled(was, is *api.Flight) bool {
	alone := func(f *api.Flight) (workloads []api.Workload, nodes api.NodeCounts, causes []api.Cause) {
		if f == nil {
			return nil, nodes, nil
		}
		return f.Workloads, f.Nodes, f.Causes
	}
	wasWorkloads, wasNodes, wasCauses := alone(was)
	isWorkloads, isNodes, isCauses := alone(is)
	return wasNodes != isNodes || !equality.Semantic.DeepEqual(wasWorkloads, isWorkloads) ||
		!equality.Semantic.DeepEqual(wasCauses, isCauses)
}

// mostUnwritten is of how many commits a status says nothing at most: it has room for the newest twenty.
const mostUnwritten = 10

// lacks is how many records of the next history are newer than those that are written.
func (s *savedStatus) lacks(next api.SyncStatus) int {
	newest := ""
	if written := s.status.History; len(written) > 0 {
		newest = written[0].Commit
	}
	i := slices.IndexFunc(next.History, func(r api.Record) bool { return r.Commit == newest })
	if i < 0 {
		return len(next.History)
	}
	return i
}

// mayWait reports whether nobody misses what a step says of commits that change nothing: neither a Git host nor a
// receiver is told of them, no person has asked, and a history that is rewritten is told from one that goes on by what
// was passed.
func mayWait(l *syncLoop, o gate.Observation, d gate.Decision) bool {
	if h := o.History; h == nil || h.Rewritten || h.Backward != "" || o.Again || l.retryRequested ||
		l.sync.Spec.Source.OnRewrite == api.OnRewriteHold {
		return false
	}
	for _, m := range d.Moves {
		told := l.outbox != nil && (m.State == api.Carried || l.sync.Spec.Report.Unchanged) || l.notices.Tells(m.State)
		if m.State != api.Unchanged && m.State != api.Carried || told {
			return false
		}
	}
	return true
}

// withoutPassing is a status without all that changes while commits pass that change nothing.
func withoutPassing(s api.SyncStatus) api.SyncStatus {
	s.Head, s.Passed, s.PassedRef, s.History, s.Summary.Commit = "", "", "", nil, ""
	if s.InFlight != nil {
		f := *s.InFlight
		f.Followers, s.InFlight = nil, &f
	}
	return s
}

// saveLoopless writes the status of a Sync that has no loop, such as one that is being deleted, if nobody has written
// the Sync since it was read.
func (c *Controller) saveLoopless(ctx context.Context, s *api.Sync) error {
	updated, err := c.Syncs.PutStatus(ctx, s)
	if err == nil {
		s.ResourceVersion = updated.GetResourceVersion()
	}
	return err
}

// savesLeaving writes the status of a Sync that is being deleted, and before it the inventory, if the status has no
// room for that. Before is the status that was written last.
func savesLeaving(c *Controller, before api.SyncStatus) func(context.Context, *api.Sync) error {
	return func(ctx context.Context, s *api.Sync) (err error) {
		written := *s
		if written.Status, err = c.Syncs.Inventories.Save(ctx, c.Syncs, s, before); err != nil {
			return err
		}
		err = c.saveLoopless(ctx, &written)
		s.ResourceVersion = written.ResourceVersion
		return err
	}
}

// saveStalled writes of a Sync whose loop is gone that nothing is done until something changes. What is remembered of
// it stays as it is.
func (c *Controller) saveStalled(ctx context.Context, key, reason, message string) {
	of := named(key)
	s, err := c.Syncs.Get(ctx, of.Namespace, of.Name)
	if err != nil {
		return // it is gone, or this is told when it is tried again
	}
	summary.Stall(&s.Status, reason, message, c.Now())
	if err := c.saveLoopless(ctx, s); err != nil && ctx.Err() == nil {
		c.Teller.Tell(s, troubleNews(err))
	}
}

// passing are the causes that every object of another kind shows until it is ready: a set may have hundreds.
var passing = map[string]bool{string(rollout.NotReady): true, string(rollout.NotEstablished): true}

// withoutStageProgress takes out of a stage what changes with every pod. What it waits for does, too, while it waits
// for its nodes.
func withoutStageProgress(st *api.FlightStage) {
	if st == nil {
		return
	}
	st.Message, st.Until, st.MovingSince = "", nil, nil
	st.Nodes, st.Settled, st.Reached, st.Early = 0, 0, 0, 0
	switch st.WaitsFor {
	case api.StageNodes, api.StageBudget, api.StageFailing:
		st.WaitsFor = api.StageNodes
	case api.StageSoak, api.StageApproval, api.StageWindow, api.StagePaused, api.StageAlerts, api.StageStrategy,
		api.StageRights, api.StageHold:
	}
}

// withoutProgress is a status without all that changes while pods come and go and no commit's state does. It shares
// with the status that it is made of what it does not change: most of a large one is its inventory and its history.
func withoutProgress(s api.SyncStatus) api.SyncStatus {
	s.Conditions, s.Ailing = slices.Clone(s.Conditions), s.Ailing.DeepCopy()
	s.Summary.Nodes, s.Summary.Message, s.Left = "", "", ""
	for i := range s.Conditions {
		s.Conditions[i].Message = ""
	}
	if a := s.Ailing; a.Lasting() {
		a.Count, a.Objects = 0, nil
	} else {
		s.Ailing = nil
	}
	if s.InFlight != nil {
		f := *s.InFlight
		s.InFlight = &f
		f.Workloads, f.Stage = slices.Clone(f.Workloads), f.Stage.DeepCopy()
		f.Correcting, f.Relapse = f.Correcting.DeepCopy(), f.Relapse.DeepCopy()
		f.Nodes, f.Message = api.NodeCounts{}, api.Message{}
		if f.Correcting != nil {
			f.Correcting.Message = ""
		}
		if f.Relapse != nil {
			f.Relapse.Message = api.Message{}
		}
		withoutStageProgress(f.Stage)
		for i := range f.Workloads {
			w := &f.Workloads[i]
			w.Memory, w.Headline, w.Nodes, w.Notes, w.Paced = runtime.RawExtension{}, "", nil, nil, nil
		}
		var causes []api.Cause
		for _, cause := range f.Causes {
			if !passing[cause.Code] {
				causes = append(causes, api.Cause{Code: cause.Code, Object: cause.Object})
			}
		}
		f.Causes = causes
	}
	return s
}

// progressed reports whether a person who follows a flight would want to know of the difference.
func progressed(before, now *api.Flight) bool {
	if before == nil || now == nil || before.Commit != now.Commit {
		return false
	}
	return before.Nodes != now.Nodes || !gate.SameCauses(before.Causes, now.Causes)
}

// saveUnread writes the conditions and the summary of a Sync that cannot be read, and leaves the rest of its status as
// it is. It fails if the Sync is no longer the one that could not be read.
func (s *Syncs) saveUnread(ctx context.Context, sync *api.Sync) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": sync.ResourceVersion},
		"status": map[string]any{"observedGeneration": sync.Status.ObservedGeneration,
			"conditions": sync.Status.Conditions, "summary": sync.Status.Summary}})
	if err != nil {
		return err
	}
	_, err = s.client.Resource(api.Resource).Namespace(sync.Namespace).Patch(ctx, sync.Name, types.MergePatchType,
		patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("status of Sync %s/%s: %w", sync.Namespace, sync.Name, err)
	}
	return nil
}
