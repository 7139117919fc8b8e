package dump

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// Command is what makes a dump that ReadDump can make the most of.
const Command = "kubectl get ds,controllerrevisions,pods,nodes,events -o json"

// File is one file of a dump: Lists or single objects, in JSON or YAML, as kubectl prints them.
type File struct {
	Name string // for errors
	io.Reader
}

// Dump is a cluster as files know it.
type Dump struct {
	// Now is when the dump is looked at.
	Now time.Time
	// DaemonSets in it, by namespace and name.
	DaemonSets []Dumped
}

// Dumped is one DaemonSet of a dump. The target is made from the object itself: what it asks for now.
type Dumped struct {
	Target rollout.Target
	Look   rollout.Look
}

// Read reads a dump for Judge. It looks at the cluster as of at or, if that is zero, as of the newest thing in the
// dump that has happened; what is dated later is left out. Kinds that are missing are named in each Look's Missing. Of
// objects that are there twice the last one counts; other kinds, such as Secrets, are passed over unread.
//
// An error names the file, and the object or the place in it.
func Read(at time.Time, files ...File) (Dump, error) {
	var d dumped
	for _, f := range files {
		if err := d.readFile(f); err != nil {
			return Dump{}, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if len(d.daemonSets) == 0 {
		return Dump{}, fmt.Errorf("%s: no DaemonSet in it; make a dump with: %s", namesOf(files), Command)
	}
	now := at
	if now.IsZero() {
		now = d.newest()
	}
	d.forgetAfter(now)
	if len(d.daemonSets) == 0 {
		return Dump{}, fmt.Errorf("%s: no DaemonSet yet at %s", namesOf(files), now.UTC().Format(time.RFC3339))
	}
	return d.dump(now, d.others()), nil
}

// dump is what is known of each DaemonSet.
func (d *dumped) dump(now time.Time, others rollout.Others) Dump {
	dump := Dump{Now: now}
	for _, ds := range d.daemonSets {
		look := d.look(ds, now)
		look.Others = others
		dump.DaemonSets = append(dump.DaemonSets, Dumped{Target: rollout.TargetOf(ds), Look: look})
	}
	return dump
}

func namesOf(files []File) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Name)
	}
	return strings.Join(all, ", ")
}

// look is the part of a dump that concerns a DaemonSet.
func (d *dumped) look(ds *appsv1.DaemonSet, now time.Time) rollout.Look {
	l := rollout.Look{Now: now, DaemonSet: ds, Nodes: d.nodes, Leases: d.leases}
	for _, r := range d.revisions {
		if r.Namespace == ds.Namespace && fact.Owns(ds, r) {
			l.Revisions = append(l.Revisions, r)
		}
	}
	for _, p := range d.pods {
		if p.Namespace == ds.Namespace && fact.Owns(ds, p) {
			l.Pods = append(l.Pods, p)
		}
	}
	l.Events = d.evidence.About(ds, l.Pods)
	for _, q := range d.quotas {
		if q.Namespace == ds.Namespace {
			l.Quotas = append(l.Quotas, q)
		}
	}
	l.Missing = d.missing(l)
	return l
}

// missing names the kinds that the dump must have left out. A DaemonSet without pods may just have none: then its own
// status says so.
func (d *dumped) missing(l rollout.Look) []string {
	var kinds []string
	status := l.DaemonSet.Status
	if len(l.Revisions) == 0 {
		kinds = append(kinds, rollout.KindRevisions)
	}
	if len(l.Pods) == 0 && status.CurrentNumberScheduled > 0 {
		kinds = append(kinds, rollout.KindPods)
	}
	if len(d.nodes) == 0 {
		kinds = append(kinds, rollout.KindNodes)
	}
	if len(d.events) == 0 {
		kinds = append(kinds, rollout.KindEvents)
	}
	return kinds
}

// sortNamed puts objects in the order of namespace and name, and keeps the last one of each.
func sortNamed[T metav1.Object](objects []T) []T {
	slices.SortStableFunc(objects, func(a, b T) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	var kept []T
	for _, o := range objects {
		last := len(kept) - 1
		if last >= 0 && kept[last].GetNamespace() == o.GetNamespace() && kept[last].GetName() == o.GetName() {
			kept[last] = o
			continue
		}
		kept = append(kept, o)
	}
	return kept
}
