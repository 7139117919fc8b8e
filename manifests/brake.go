package manifests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests/fields"
)

const (
	// BrakeAnnotation on a DaemonSet is the only record of a pulled brake: "<commit> <node>,<node>…".
	BrakeAnnotation = "daemongate.io/brake"
	// PacedAnnotation on a DaemonSet says that its update strategy is not Git's own while a commit is paced: "<commit>
	// <stage>", and the commit alone before the first stage is known.
	PacedAnnotation = "daemongate.io/paced"
)

// maxBrakeNodes keeps the annotation far below the 256 KiB that all annotations of an object may take (a node's name
// has at most 253 bytes). That many nodes hold the brake as well as more would.
const maxBrakeNodes = 500

// Brake is why a DaemonSet has OnDelete instead of the update strategy that Git asks for: containers of its pods ended
// while a commit was rolling out, or the commit is paced.
type Brake struct {
	Commit string
	Nodes  []string // sorted; those whose pods ended
	// Paced is set if it is for the sake of a paced rollout, and Stage is the one that this is in, if that is known.
	Paced bool
	Stage string
}

// ReadBrake reads off a live object why it has OnDelete.
func ReadBrake(o *unstructured.Unstructured) (Brake, bool) { return BrakeIn(o.GetAnnotations()) }

// BrakeIn reads the same off the annotations of an object.
func BrakeIn(annotations map[string]string) (Brake, bool) {
	fields := strings.Fields(annotations[BrakeAnnotation])
	paced := len(fields) == 0
	if paced {
		fields = strings.Fields(annotations[PacedAnnotation])
	}
	if len(fields) == 0 {
		return Brake{}, false
	}
	b := Brake{Commit: fields[0], Paced: paced}
	switch {
	case len(fields) == 1:
	case paced:
		b.Stage = fields[1]
	default:
		b.Nodes = strings.Split(fields[1], ",")
	}
	return b, true
}

// String is the annotation's value.
func (b Brake) String() string {
	if b.Paced {
		return strings.TrimSpace(b.Commit + " " + b.Stage)
	}
	nodes := slices.Compact(slices.Sorted(slices.Values(b.Nodes)))
	return b.Commit + " " + strings.Join(nodes[:min(len(nodes), maxBrakeNodes)], ",")
}

// Braked is the object as it is applied while the brake is pulled: whole, but with updateStrategy.type OnDelete and the
// record.
func Braked(o *unstructured.Unstructured, b Brake) *unstructured.Unstructured {
	braked := o.DeepCopy()
	// A rollingUpdate stays, without effect under OnDelete: it tells that the brake must not be lifted under a
	// maxSurge.
	if err := unstructured.SetNestedField(braked.Object, "OnDelete", "spec", "updateStrategy", "type"); err != nil {
		return braked // spec is no object: the API server refuses it with a better text than could be made here
	}
	annotations := braked.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[b.annotation()] = b.String()
	braked.SetAnnotations(annotations)
	return braked
}

// CheckRecords says which DaemonSets of a commit carry an annotation that only Daemongate writes, with the files if
// they are known. Written to the cluster it would be taken for a brake, or for a pace.
func CheckRecords(objects []*unstructured.Unstructured) error {
	var problems []error
	for _, o := range objects {
		for _, name := range []string{BrakeAnnotation, PacedAnnotation} {
			if _, is := o.GetAnnotations()[name]; is && isDaemonSet(IDOf(o)) {
				problems = append(problems, fmt.Errorf("%s%s: the annotation %s is written by Daemongate alone, while "+
					"a rollout is held: take it out of Git", IDOf(o), atFile(originOf(o)), name))
			}
		}
	}
	return errors.Join(problems...)
}

func (b Brake) annotation() string {
	if b.Paced {
		return PacedAnnotation
	}
	return BrakeAnnotation
}

// Brake stops the rollout of a DaemonSet: it applies the commit's whole object, as Resolve returned it, with
// updateStrategy OnDelete. Another manager's hold on the update strategy is overruled, and no other (a *Conflict). The
// brake is released by applying the plain object again.
func (c *Client) Brake(ctx context.Context, object *unstructured.Unstructured, b Brake, o Options) (Applied, error) {
	id := IDOf(object)
	if !isDaemonSet(id) {
		return Applied{}, fmt.Errorf("%s: only a DaemonSet has a brake", id)
	}
	t, err := c.find(ctx, Braked(object, b), nil, o.Owner)
	if err != nil {
		return Applied{}, err
	}
	var done Applied
	err = c.persist(ctx, &t, func() error {
		was := t.live
		if was == nil {
			return fmt.Errorf("%s: is gone: nothing to brake", id)
		}
		if err := mayWrite(id, was, o.Owner); err != nil {
			return err
		}
		answer, err := c.pull(ctx, &t)
		if err == nil {
			done = applied(t, was, answer)
		}
		return err
	})
	return done, err
}

// pull writes a braked object. A write that others' fields stand against changes nothing, and names them all: so no dry
// run is needed first, which would let the agent spread meanwhile. What kubectl's managers hold is folded in; another's
// hold on the update strategy alone is overruled.
func (c *Client) pull(ctx context.Context, t *target) (*unstructured.Unstructured, error) {
	answer, err := c.put(ctx, *t, false)
	managers := managersIn(err)
	if len(managers) > 0 && !t.sawAll(managers) {
		return nil, wrap(t.id, errOvertaken)
	}
	if slices.ContainsFunc(managers, fields.IsKubectl) {
		if err := c.fold(ctx, t); err != nil {
			return nil, err
		}
		answer, err = c.putFolded(ctx, *t, false)
	}
	if onlyStrategy(err) {
		answer, err = c.put(ctx, *t, true)
	}
	return answer, c.refusal(t.id, err)
}

// onlyStrategy reports whether a refusal consists of conflicts about the update strategy alone.
func onlyStrategy(err error) bool { return onlyFields(err, ".spec.updateStrategy") }

// onlyFields reports whether a refusal consists of conflicts about these fields alone, and what is in them.
func onlyFields(err error, fields ...string) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	conflicting := fieldConflicts(status.Status())
	for _, c := range conflicting {
		if !slices.ContainsFunc(fields, func(f string) bool {
			return c.Field == f ||
				strings.HasPrefix(c.Field, f+".")
		}) {
			return false
		}
	}
	return len(conflicting) > 0
}
