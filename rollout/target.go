package rollout

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
)

// Target is what a commit asked for: one DaemonSet, as its apply left it, or one object of another kind.
type Target struct {
	// Kind is empty for a DaemonSet.
	Kind      string    `json:"kind,omitempty"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid,omitempty"`
	// Generation that the apply returned. Nothing counts before the controller has observed it.
	Generation int64 `json:"generation,omitempty"`
	// AppliedAt is when the apply returned. Zero if unknown (offline): then no node is late, and times are counted from
	// the newest updated pod.
	AppliedAt time.Time `json:"appliedAt,omitzero"`
	// OnDelete is the commit's own update strategy, never the live one, which the brake may have changed.
	OnDelete bool `json:"onDelete,omitempty"`
	// Paced is how far its rollout is paced, if it is: then old pods go when their stage comes, and OnDelete is set.
	// Nil says that a person deletes them.
	Paced *Paced `json:"paced,omitempty"`
	// Applied is the object as the commit asks for it, to tell whether somebody else has changed it since. May be nil:
	// then only the generation is compared.
	Applied *unstructured.Unstructured `json:"-"`
	// HadNodes says that some node ran or should have run the DaemonSet before this commit.
	HadNodes bool `json:"hadNodes,omitempty"`
	// FailingBefore are the nodes that were sick when the commit was applied (see FailingBefore), the longest sick
	// first, at most 100.
	FailingBefore []FailingNode `json:"failingBefore,omitempty"`
	// Predecessors are DaemonSets that the commit no longer asks for and that this one takes over from, node by node.
	Predecessors []Predecessor `json:"predecessors,omitempty"`
}

// Paced is where a paced rollout stands (docs/decisions/0061-pace.md).
type Paced struct {
	// Reached is how many nodes the commit may have come to by now: those of the present stage and of the ones before.
	// 0 if nobody knows: then it is those that have no old pod any more.
	Reached int `json:"reached"`
	// Since is when the stage was reached.
	Since time.Time `json:"since,omitzero"`
	// Moving is set while the stage waits for its nodes alone: not for a soak, a person, a window or a fix.
	Moving bool `json:"moving,omitempty"`
}

// TargetOf is what a DaemonSet asks for now, where nobody knows of a commit: it is judged by its own times, as those of
// a dump are. Its live strategy may be the brake's instead of its own, or that of a paced rollout.
func TargetOf(d *appsv1.DaemonSet) Target {
	t := Target{Namespace: d.Namespace, Name: d.Name, UID: d.UID, Generation: d.Generation}
	if d.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType {
		return t
	}
	b, lent := manifests.BrakeIn(d.Annotations)
	t.OnDelete = !lent || b.Paced
	if lent && b.Paced {
		t.Paced = &Paced{}
	}
	return t
}
