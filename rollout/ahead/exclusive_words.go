package ahead

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// Refuse is why a commit is refused whose DaemonSet waits for what one has that goes only when the commit has rolled
// out.
func (c Clash) Refuse(next, old *appsv1.DaemonSet) *rollout.Cause {
	things := strings.Join(c.Things, ", ")
	return &rollout.Cause{
		Code: rollout.Unschedulable, Nodes: c.Nodes, Final: true,
		About: fmt.Sprintf("%s is held by DaemonSet %s/%s, which goes only when the commit has rolled out: annotate "+
			"it with %s: %s",
			things, old.Namespace, old.Name, manifests.ReplacesAnnotation, nameFrom(next, old)),
		Message: fmt.Sprintf("DaemonSet %s/%s wants what DaemonSet %s/%s has on %s: %s. The commit no longer asks "+
			"for the latter, but its pods go only when the former has rolled out, which waits for them to go",
			next.Namespace, next.Name, old.Namespace, old.Name, words.Plural(len(c.Nodes), "node"), things),
		Remedy: fmt.Sprintf("Annotate DaemonSet %s/%s with %s: %s in the same commit: then the two are handed over "+
			"node by node, maxUnavailable at a time. Or ask for something else.", next.Namespace, next.Name,
			manifests.ReplacesAnnotation, nameFrom(next, old)),
	}
}

// RefuseRivals is why a commit is refused that has two DaemonSets want the same.
func (c Clash) RefuseRivals(a, b *appsv1.DaemonSet) *rollout.Cause {
	things := strings.Join(c.Things, ", ")
	return &rollout.Cause{
		Code: rollout.Unschedulable, Nodes: c.Nodes, Final: true,
		About: fmt.Sprintf("%s: DaemonSet %s/%s of the same commit wants it too", things, b.Namespace, b.Name),
		Message: fmt.Sprintf("DaemonSets %s/%s and %s/%s of this commit both want %s on %s: only one of them can "+
			"ever run there",
			a.Namespace, a.Name, b.Namespace, b.Name, things, words.Plural(len(c.Nodes), "node")),
		Remedy: "Give one of them another port, or nodes that the other one is not meant for (nodeSelector).",
	}
}

// StillAsked is why a commit is refused that asks for a DaemonSet and says that another one replaces it.
func StillAsked(next *appsv1.DaemonSet, old, annotation string) *rollout.Cause {
	return &rollout.Cause{
		Code: rollout.Unschedulable, Final: true, About: fmt.Sprintf("%s names %s, which the commit asks for too",
			annotation, old),
		Message: fmt.Sprintf("DaemonSet %s/%s replaces %s by its annotation %s, and the commit still asks for that one",
			next.Namespace, next.Name, old, annotation),
		Remedy: "Leave the replaced DaemonSet out of the commit, or the annotation.",
	}
}

// TakenOverTwice is why a commit is refused of which two DaemonSets take over from the same one.
func TakenOverTwice(a, b, old *appsv1.DaemonSet) *rollout.Cause {
	return &rollout.Cause{
		Code: rollout.Unschedulable, Final: true,
		About: fmt.Sprintf("DaemonSet %s/%s takes over from DaemonSet %s/%s too", a.Namespace, a.Name, old.Namespace,
			old.Name),
		Message: fmt.Sprintf("DaemonSets %s/%s and %s/%s both replace DaemonSet %s/%s: its nodes can be given up to "+
			"one of them only",
			a.Namespace, a.Name, b.Namespace, b.Name, old.Namespace, old.Name),
		Remedy: "Take the annotation off one of them.",
	}
}

// LookAheadHandover says why a DaemonSet cannot be handed over to another one; nil if it can. It is pure.
func LookAheadHandover(old, next *appsv1.DaemonSet, nodes []*corev1.Node, o rollout.Options) *rollout.Cause {
	if size := sizeOfGivenUp(old, nodes); size > maxGivenUp {
		return &rollout.Cause{
			Code: rollout.Unschedulable, Final: true,
			About: fmt.Sprintf("DaemonSet %s/%s is on too many nodes to be handed over", old.Namespace, old.Name),
			Message: fmt.Sprintf("DaemonSet %s/%s would have to name all its nodes in its affinity to give them up "+
				"one by one, which takes %d bytes of at most %d",
				old.Namespace, old.Name, size, maxGivenUp),
			Remedy: "Hand over a part of the nodes first: give the old and the new DaemonSet a nodeSelector for " +
				"different pools.",
		}
	}
	cause := removal(old, next, nodes, o.WithDefaults())
	if cause != nil {
		cause.Message = fmt.Sprintf("DaemonSet %s/%s replaces DaemonSet %s/%s and is not meant for %d of its nodes: "+
			"they would lose their agent",
			next.Namespace, next.Name, old.Namespace, old.Name, len(cause.Nodes))
	}
	return cause
}

// nameFrom is how a DaemonSet names another one.
func nameFrom(next, old *appsv1.DaemonSet) string {
	if next.Namespace == old.Namespace {
		return old.Name
	}
	return old.Namespace + "/" + old.Name
}

// maxGivenUp is how many bytes of JSON the names in an affinity may take: an object, and the ControllerRevision that
// repeats its template, may have 1.5 MiB.
const maxGivenUp = 1_300_000

// sizeOfGivenUp is how many they would be if a DaemonSet gave up all its nodes.
func sizeOfGivenUp(d *appsv1.DaemonSet, nodes []*corev1.Node) int {
	size := 0
	for name := range eligibleNodes(d, nodes) {
		size += len(`{"key":"metadata.name","operator":"NotIn","values":[""]},`) + len(name)
	}
	return size * max(1, len(survey.RequiredTerms(d)))
}
