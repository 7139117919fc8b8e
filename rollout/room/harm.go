package room

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// staysPut reports whether evicting a pod makes no room: a DaemonSet makes it again on the same node, and a static pod
// is the kubelet's own.
func staysPut(p *corev1.Pod) bool {
	if _, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return true
	}
	owner := fact.ControllerOf(p)
	return owner != nil && (owner.Kind == "DaemonSet" || owner.Kind == "Node")
}

// candidateOf is a pod of a node as one that could be evicted.
func (c *Crowd) candidateOf(p *corev1.Pod, lacks []lack) candidate {
	e := candidate{pod: p, told: rollout.Evictable{Pod: FullName(p), Priority: PriorityOf(p)}}
	takes := requestsOf(p)
	var frees []string
	for i := range lacks {
		l := &lacks[i]
		held := l.holds(p, takes)
		e.holds = append(e.holds, held)
		if held > 0 {
			e.size += float64(min(held, l.need)) / float64(l.need)
			frees = append(frees, l.frees(held))
		}
	}
	e.told.Frees = strings.Join(frees, ", ")
	owner := c.ownerOf(p)
	e.told.Owner, e.told.Replicas = strings.TrimSpace(owner.Kind+" "+owner.Name), owner.Replicas
	e.told.Afterwards = afterwards(owner)
	e.harm = harmOf(owner)
	e.weigh(budgetsOf(p, c.others.Budgets))
	if PriorityOf(p) >= systemPriority {
		e.harm = max(e.harm, harmsCluster)
	}
	return e
}

// frees is what comes free of a lack.
func (l *lack) frees(held int64) string {
	switch l.resource {
	case "":
		return rollout.HostPort + " " + l.port.String()
	case corev1.ResourcePods:
		return "its place"
	}
	return string(l.resource) + " " + quantity(l.resource, held)
}

// ownerOf is what makes a pod again. A ReplicaSet is a Deployment's if its name ends in the hash that the Deployment
// controller put on the pod.
func (c *Crowd) ownerOf(p *corev1.Pod) rollout.Owner {
	reference := fact.ControllerOf(p)
	if reference == nil {
		return rollout.Owner{}
	}
	if owner, known := c.others.Owners[reference.UID]; known {
		return owner
	}
	owner := rollout.Owner{Kind: reference.Kind, Name: reference.Name}
	hash := p.Labels["pod-template-hash"]
	if name, made := strings.CutSuffix(reference.Name, "-"+hash); made && hash != "" && reference.Kind == "ReplicaSet" {
		owner.Kind, owner.Name = "Deployment", name
	}
	if c.others.Whole {
		owner.Replicas = c.replicas[reference.UID]
	}
	return owner
}

// harmOf is how much it hurts an owner to lose a pod, whatever its budget says.
func harmOf(o rollout.Owner) harm {
	switch {
	case o.Kind == "":
		return harmsForGood
	case o.Replicas > 1 && o.Kind != "Job":
		return harmsLittle
	}
	return harmsWork
}

// afterwards says what becomes of a pod that was evicted.
func afterwards(o rollout.Owner) string {
	switch o.Kind {
	case "":
		return "nothing owns it: it does NOT come back"
	case "Deployment", "ReplicaSet", "ReplicationController":
		return "another one is made, wherever there is room"
	case "StatefulSet":
		return "it is made again under its name, where its volume can go"
	case "Job":
		return "the Job begins that pod's work again"
	}
	return fmt.Sprintf("whether it comes back is up to %s %s", o.Kind, o.Name)
}
