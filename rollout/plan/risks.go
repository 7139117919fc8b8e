package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/daemongate/daemongate/rollout/ahead"
	"github.com/daemongate/daemongate/rollout/room"
	"github.com/daemongate/daemongate/rollout/words"
)

// The codes of risks.
const (
	ChangesInPlace = "ChangesInPlace"
	NoMinReady     = "NoMinReady"
	SurgePort      = "SurgePort"
	NoRequests     = "NoRequests"
	NoTag          = "NoTag"
	BudgetIdle     = "BudgetIdle"
	Slow           = "Slow"
	OldPreempted   = "OldPreempted"
)

// manyNodes is from how many nodes one at a time takes hours.
const manyNodes = 100

// risks are what may go wrong although it fits, the worst first.
func (w *weighing) risks(p *Plan) []Risk {
	list := w.inPlace()
	for _, more := range [][]Risk{w.minReady(), w.surgePort(), oldPreempted(w, p), w.requests(), w.tags(), w.budgets(),
		slow(p)} {
		list = append(list, more...)
	}
	return list
}

// inPlace warns of what changes on all nodes at once: a ConfigMap or Secret whose name stays. Where the template
// changes too that is so of mounted files alone.
func (w *weighing) inPlace() []Risk {
	if w.in.Current == nil {
		return nil
	}
	var names []string
	for _, n := range NeedsOf(w.in.Next) {
		if name := n.Reference.String(); slices.Contains(w.in.Changes, n.Reference) && !slices.Contains(names, name) &&
			(!w.rolls || isVolume(n.Where)) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	how := "and the template does not: mounted files change on all nodes at once, whatever the update strategy, and " +
		"environments when a pod next starts; no rollout can stop it"
	if w.rolls {
		how = "and keeps its name: mounted files change on all nodes at once, before the rollout gets there"
	}
	return []Risk{{ChangesInPlace, fmt.Sprintf("%s changes %s", words.Listed(names), how), "Let kustomize's " +
		"configMapGenerator or secretGenerator put a hash into the name: then a change is a rollout."}}
}

func (w *weighing) minReady() []Risk {
	if w.in.Next.Spec.MinReadySeconds > 0 || onDelete(w.in.Next) {
		return nil
	}
	return []Risk{{NoMinReady, ahead.NoMinReady, "Set minReadySeconds: 30."}}
}

// surgePort warns of pods that can never stand beside each other.
func (w *weighing) surgePort() []Risk {
	ports := room.HostPortsOf(w.pod)
	if !w.surge || len(ports) == 0 {
		return nil
	}
	return []Risk{{SurgePort, fmt.Sprintf("host port %s with maxSurge: the old pod holds it, so the new one can never "+
		"start beside it", ports[0]), "Set maxSurge: 0 and maxUnavailable: 1."}}
}

// oldPreempted warns of a priority above that of the old pods: the scheduler evicts these where both do not fit.
func oldPreempted(w *weighing, p *Plan) []Risk {
	own := map[string]bool{}
	for _, o := range w.in.Pods {
		if w.isOwn(o) {
			own[room.FullName(o)] = true
		}
	}
	n := 0
	for i := range p.Nodes {
		if slices.ContainsFunc(p.Nodes[i].Preempts, func(v Victim) bool { return own[v.Pod] }) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []Risk{{OldPreempted, fmt.Sprintf("on %s the new pod would preempt the old one, whose priority is lower, "+
		"instead of standing beside it", words.Plural(n, "node")), "Set maxSurge: 0, or keep the priority."}}
}

// requests warns of containers that ask for neither cpu nor memory: no node keeps room for them.
func (w *weighing) requests() []Risk {
	if w.pod.Spec.Resources != nil && len(w.pod.Spec.Resources.Requests) > 0 {
		return nil
	}
	var names []string
	for _, c := range w.pod.Spec.Containers {
		if c.Resources.Requests.Cpu().IsZero() && c.Resources.Requests.Memory().IsZero() {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []Risk{{NoRequests, fmt.Sprintf("container %s asks for neither cpu nor memory: the scheduler keeps no "+
		"room for it, and it is ended first when memory is short", words.Listed(names)), "Set resources.requests."}}
}

// tags warns of images that may be another one tomorrow.
func (w *weighing) tags() []Risk {
	var names []string
	for _, list := range [][]corev1.Container{w.in.Next.Spec.Template.Spec.InitContainers,
		w.in.Next.Spec.Template.Spec.Containers} {
		for _, c := range list {
			if isLoose(c.Image) && !slices.Contains(names, c.Image) {
				names = append(names, c.Image)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []Risk{{NoTag, fmt.Sprintf("image %s names no version: nodes may run different ones, and going back to "+
		"this commit does not bring back what runs now", words.Listed(names)), "Name a tag of a release, or a digest."}}
}

// isLoose reports whether an image has neither a digest nor a tag that is not latest.
func isLoose(image string) bool {
	if strings.Contains(image, "@") {
		return false
	}
	name := image[strings.LastIndex(image, "/")+1:]
	_, tag, has := strings.Cut(name, ":")
	return !has || tag == "latest"
}

// budgets warns of PodDisruptionBudgets that can say nothing of the pods of a DaemonSet: the controller that counts
// them knows of no scale there.
func (w *weighing) budgets() []Risk {
	var names []string
	for _, b := range w.in.Others.Budgets {
		if b.Namespace == w.in.Next.Namespace && isIdle(b) && selects(b.Spec.Selector, w.pod.Labels) {
			names = append(names, b.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []Risk{{BudgetIdle, fmt.Sprintf("PodDisruptionBudget %s counts by percentage or maxUnavailable, which "+
		"works for no DaemonSet: it allows no eviction of its pods at all", words.Listed(names)),
		"Use an integer minAvailable, or none: draining a node leaves the pods of DaemonSets alone."}}
}

// isIdle reports whether a budget needs the scale of what it protects.
func isIdle(b *policyv1.PodDisruptionBudget) bool {
	least := b.Spec.MinAvailable
	return b.Spec.MaxUnavailable != nil || least != nil && strings.HasSuffix(least.StrVal, "%")
}

func selects(s *metav1.LabelSelector, l map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(l))
}

// slow warns of one node at a time where there are hundreds.
func slow(p *Plan) []Risk {
	if p.Pace == nil || p.Pace.AtATime > 1 || p.Pace.Nodes < manyNodes {
		return nil
	}
	what := "maxUnavailable: 1"
	if p.Pace.Surge {
		what = "maxSurge: 1"
	}
	return []Risk{{Slow, fmt.Sprintf("%s replaces %s one after the other", what, words.Plural(p.Pace.Nodes, "pod")),
		"A percentage such as 5% takes a twentieth of the time; the rollout still stops at the first that break."}}
}
