package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// refusedWords are what a host is told of a set that the cluster refuses: which objects, and the kind of refusal.
func refusedWords(err error) api.Public {
	first, count := "", 0
	for _, one := range flat(err) {
		var rejected *manifests.Rejected
		var conflict *manifests.Conflict
		text := ""
		switch {
		case errors.As(one, &rejected):
			text = fmt.Sprintf("%s (%s)", rejected.Object, rejected.Reason)
		case errors.As(one, &conflict):
			text = fmt.Sprintf("%s (Conflict)", conflict.Object)
		default:
			continue
		}
		if count++; count == 1 {
			first = text
		}
	}
	switch {
	case count == 0:
		return "the cluster refuses the set"
	case count > 1:
		return api.Public(fmt.Sprintf("the cluster refuses %s and %d more", first, count-1))
	}
	return api.Public("the cluster refuses " + first)
}

// Barred is why nothing of a Sync may be written, whichever commit it is, until a person changes something.
type Barred struct {
	Reason  string // of the Sync's conditions
	Message string
	// Passes is set if it may pass by itself.
	Passes bool
}

// Error says what is to be done.
func (b *Barred) Error() string { return b.Message }

// Waits reports whether a Sync that is being deleted waits for it to pass, instead of leaving what it has written.
func (b *Barred) Waits() bool { return b.Passes || b.Reason == ClusterChanged }

// ClusterChanged is the reason of a Sync whose objects are in another cluster than its spec leads to.
const ClusterChanged = "ClusterChanged"

// WrongCluster is why nothing may be written to a cluster, if what the Sync has written is in another one; nil if it
// may. It is told by its UID, which is empty for the Sync's own cluster.
func WrongCluster(s *api.Sync, uid types.UID) *Barred {
	was := types.UID("")
	if s.Status.Cluster != nil {
		was = s.Status.Cluster.UID
	}
	st := &s.Status
	wrote := st.InFlight != nil && !st.InFlight.Unwritten() || len(st.Inventory) > 0 || st.StoredInventory != nil
	if was == uid || !wrote {
		return nil
	}
	const undo = "nothing is written, pruned or let go of in either; lead it back to that cluster, or delete the " +
		"Sync and create it anew for the other one"
	switch {
	case uid == "":
		return &Barred{Reason: ClusterChanged, Message: fmt.Sprintf("what the Sync has written is in the cluster "+
			"whose namespace kube-system has the UID %s, and spec.apply.kubeConfig is gone: %s", was, undo)}
	case was == "":
		return &Barred{Reason: ClusterChanged, Message: "what the Sync has written is in its own cluster, and " +
			"spec.apply.kubeConfig leads to another one: " + undo}
	}
	return &Barred{Reason: ClusterChanged, Message: fmt.Sprintf("spec.apply.kubeConfig leads to another cluster than "+
		"before: what the Sync has written is where namespace kube-system has the UID %s, and now it has %s: %s", was,
		uid, undo)}
}

// noteCluster writes down where the objects are. What tells the Sync's own cluster stays as it was when they were
// written: it is in their label.
func noteCluster(s *api.SyncStatus, there *Destination) {
	switch {
	case there == nil:
		s.Cluster = nil
	case there.UID != "" && (s.Cluster == nil || s.Cluster.UID != there.UID):
		s.Cluster = &api.ClusterStatus{UID: there.UID, Home: there.Home}
	}
}

// barred is why nothing of a Sync may be written, nil if it may.
func (c *Controller) barred(s *api.Sync) *Barred {
	var b *Barred
	if _, err := c.Connect.Writer(s); errors.As(err, &b) {
		return b
	}
	return nil
}

// mayNot is why a commit may not be prepared, by what is known without asking; nil if it may. What is written already
// is judged and braked with whatever rights are left.
func (p *preparation) mayNot(commit string) *Barred {
	if p.isWritten(commit) {
		return p.barred(p.sync)
	}
	if p.inTheDark() { // others may have reached the cluster since, and what this one has seen is nothing
		return cmp.Or(p.barred(p.sync), &Barred{Reason: "ClusterUnreachable", Passes: true,
			Message: "the cluster of spec.apply.kubeConfig is being connected to"})
	}
	return nil
}

// hasNobody is why a commit may not be prepared that would be written: the Sync has nobody to write as. It is nil if it
// has.
func (p *preparation) hasNobody(ctx context.Context, commit string) *Barred {
	var b *Barred
	if p.isWritten(commit) {
		return nil
	}
	if err := p.Connect.Account(ctx, p.sync); errors.As(err, &b) {
		return b
	}
	return nil
}

// isWritten reports whether a commit is the one in flight, and its set was written.
func (p *preparation) isWritten(commit string) bool {
	f := p.sync.Status.InFlight
	return f != nil && f.Commit == commit && !f.Unwritten()
}

// noteBarred takes in what a preparation has found out, and reports whether it is news.
func (p *preparing) noteBarred(b *Barred) (news bool) {
	news = b != nil && (p.noWriter == nil || *p.noWriter != *b)
	p.noWriter = b
	return news
}

// bars is why nothing is written although something waits for it, nil if that is not so.
func (p *preparing) bars(s *api.SyncStatus) *Barred {
	if s.Held.Count > 0 || s.InFlight != nil && s.InFlight.Unwritten() {
		return p.noWriter
	}
	return nil
}

// flat takes joined errors apart.
func flat(err error) []error {
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		return []error{err}
	}
	var all []error
	for _, one := range list.Unwrap() {
		all = append(all, flat(one)...)
	}
	return all
}
