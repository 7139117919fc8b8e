package judge

import (
	"fmt"
	"math/rand"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// chaos is a fleet to which anything happens, in any order. Beside each version of an object it keeps what is true of
// it.
type chaos struct {
	*fleet
	*rand.Rand
	wanted    string                   // the commit's image
	skew      map[string]time.Duration // of nodes' clocks
	seen      []rollout.Look           // of which any part may still be on show
	was       map[*appsv1.DaemonSet]setTruth
	nodesWere map[*corev1.Node]nodeTruth
	podsWere  map[*corev1.Pod]podTruth
	sick      map[string]uint // nodes that were in trouble when the commit was applied, with their pod's codes
}

type setTruth struct {
	image    string
	observed int64
}

type nodeTruth struct {
	made         time.Time
	barred, down bool
	since        time.Time // when it went down or came up
}

type podTruth struct {
	image        string
	ready, going bool
	ends         int
	moved        time.Time // when anything last happened to a container of it
	unready      time.Time // since when it is not Ready
	lost         bool      // its last end was its node's, which booted anew
	codes        uint      // what its containers ended with, a bit each
}

// note writes down what is true of the DaemonSet as it is now.
func (c *chaos) note() {
	c.was[c.ds] = setTruth{c.ds.Spec.Template.Spec.Containers[0].Image, c.ds.Status.ObservedGeneration}
}

// happen lets one thing happen. Objects are copied before they change, as in a cache.
func (c *chaos) happen() {
	c.after(time.Duration(c.Intn(20000)) * time.Millisecond)
	if len(c.nodes) == 0 {
		c.join("node-new")
	}
	node := c.nodes[c.Intn(len(c.nodes))].Name
	switch n := c.Intn(60); {
	case n < 3:
		c.join(fmt.Sprintf("node-%d", 100+c.Intn(900)))
	case n < 5: // it is made anew, under the same name
		c.nodes = slices.DeleteFunc(slices.Clone(c.nodes), func(n *corev1.Node) bool { return n.Name == node })
		if c.Intn(2) == 0 {
			c.join(node)
		}
	case n < 8:
		c.gone(node)
	case n < 11:
		c.change(func(d *appsv1.DaemonSet) { // the next write of the commit
			d.Spec.MinReadySeconds, d.Spec.Template.Spec.Containers[0].Image = int32(c.Intn(30)), c.wanted
		})
		c.target.Generation, c.target.Applied = c.ds.Generation, c.asked()
		c.note()
	case n < 13:
		c.change(func(d *appsv1.DaemonSet) { // somebody's kubectl set image, and back
			d.Spec.Template.Spec.Containers[0].Image = []string{"registry.example.com/agent:v3", c.wanted,
				c.wanted}[c.Intn(3)]
		})
		c.note()
	case n < 22:
		c.nodeHappens(node)
	default:
		c.podHappens(node)
	}
	if c.Intn(3) > 0 {
		c.observe()
		c.note()
	}
}

func (c *chaos) join(name string) {
	if slices.ContainsFunc(c.nodes, func(n *corev1.Node) bool { return n.Name == name }) {
		return
	}
	c.nodes = slices.Clone(c.nodes)
	c.nodesWere[c.addNode(name)] = nodeTruth{made: c.now}
}

// nodeHappens cordons a node, takes it down or up, or keeps the DaemonSet off it.
func (c *chaos) nodeHappens(name string) {
	i := slices.IndexFunc(c.nodes, func(n *corev1.Node) bool { return n.Name == name })
	c.nodes = slices.Clone(c.nodes)
	truth, n := c.nodesWere[c.nodes[i]], c.nodes[i].DeepCopy()
	c.nodes[i] = n
	switch c.Intn(5) {
	case 0:
		n.Spec.Unschedulable = !n.Spec.Unschedulable
	case 1:
		truth.barred = c.Intn(2) == 0
	case 2:
		n.Status.NodeInfo.BootID = fmt.Sprintf("%08x-boot", c.Uint32())
		c.boots(name)
	default:
		truth.down, truth.since = c.Intn(3) == 0, c.now
		c.setReady(name, !truth.down)
		n.Status.Conditions[0].LastTransitionTime = c.stamp(name)
	}
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == "dedicated" })
	if truth.barred {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "dedicated", Effect: corev1.TaintEffectNoSchedule})
	}
	c.nodesWere[n] = truth
}

// podHappens does something to the last pod of a node, or makes one.
func (c *chaos) podHappens(node string) {
	var p *corev1.Pod
	truth := podTruth{}
	for i := range c.pods {
		if fact.TargetNode(c.pods[i]) == node {
			truth = c.podsWere[c.pods[i]]
			c.pods = slices.Clone(c.pods)
			c.pods[i] = c.pods[i].DeepCopy()
			p = c.pods[i]
		}
	}
	if n := c.Intn(9); p == nil || n == 0 {
		if p != nil {
			c.gone(node)
		}
		c.pods = slices.Clone(c.pods)
		p, truth = c.newPod(node), podTruth{image: c.ds.Spec.Template.Spec.Containers[0].Image, moved: c.now,
			unready: c.now}
		start := c.stamp(node)
		p.CreationTimestamp, p.Status.StartTime = metav1.NewTime(c.now.Truncate(time.Second)), &start
		p.Labels[fact.HashLabel] = c.hashOf(truth.image)
		for _, side := range p.Spec.InitContainers {
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: side.Name,
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: start}}}}
		}
	}
	wasReady := truth.ready
	c.something(p, node, &truth)
	if wasReady && !truth.ready {
		truth.unready = c.now
	}
	c.podsWere[p] = truth
}

// hashOf is the hash of the newest revision with an image: that is what the controller labels its pods with.
func (c *chaos) hashOf(image string) string {
	hash, number := "", int64(0)
	for _, r := range c.revs {
		if t, ok := fact.TemplateOf(r); ok && t.Spec.Containers[0].Image == image && r.Revision > number {
			hash, number = r.Labels[fact.HashLabel], r.Revision
		}
	}
	return hash
}

// something happens to a pod, dated by its node's clock. A quick restart does not move the Ready condition.
func (c *chaos) something(p *corev1.Pod, node string, truth *podTruth) {
	real := c.now
	c.now = c.stamp(node).Time
	ready := fact.PodCondition(p, corev1.PodReady)
	before := *ready
	switch c.Intn(8) {
	case 0:
		c.now = real
		c.terminate(p)
		truth.going = true
	case 1, 2: // it ends, and may be back at once
		if p.Status.ContainerStatuses[0].State.Running == nil {
			break
		}
		code := c.Intn(3)
		c.ends(p, int32(code), "Error")
		truth.lost, truth.codes = false, truth.codes|1<<code
		truth.ends, truth.ready, truth.moved = truth.ends+1, false, real
		if c.Intn(2) == 0 {
			c.ready(p)
			truth.ready = true
			if before.Status == corev1.ConditionTrue {
				*ready = before
			}
		}
	case 3:
		if side := p.Status.InitContainerStatuses; len(side) > 0 { // its sidecar ends, and is back at once, or not
			side[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1,
				StartedAt: side[0].State.Running.StartedAt, FinishedAt: c.stamp(node)}
			side[0].RestartCount++
			side[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.now)}}
			truth.ends, truth.moved, truth.lost, truth.codes = truth.ends+1, real, false, truth.codes|8
		}
	default:
		if !truth.ready {
			c.ready(p)
			truth.ready, truth.moved = true, real
		}
	}
	c.now = real
}

// staleLook is a look of which each kind may be older than the others.
func (c *chaos) staleLook() rollout.Look {
	l := c.look()
	c.seen = append(c.seen, l)
	past := func() rollout.Look { return c.seen[max(0, len(c.seen)-1-c.Intn(4))] }
	l.DaemonSet, l.Revisions, l.Pods = past().DaemonSet, past().Revisions, past().Pods
	return l
}

// boots has a node's pods start anew with their node: the kubelet has lost sight of what ran.
func (c *chaos) boots(node string) {
	c.pods = slices.Clone(c.pods)
	for i, p := range c.pods {
		if fact.TargetNode(p) != node || p.Status.ContainerStatuses[0].State.Running == nil {
			continue
		}
		truth, real := c.podsWere[p], c.now
		p = p.DeepCopy()
		c.pods[i], c.now = p, c.stamp(node).Time
		c.runs(c.ends(p, 137, "ContainerStatusUnknown"))
		c.now = real
		last := p.Status.ContainerStatuses[0].LastTerminationState.Terminated
		last.StartedAt, last.FinishedAt = metav1.Time{}, metav1.Time{}
		if truth.ready {
			truth.unready = real
		}
		truth.ends, truth.ready, truth.moved, truth.lost = truth.ends+1, false, real, true
		c.podsWere[p] = truth
	}
}

// runBefore has the template before run for a while, with all that may happen to its nodes and pods up to the very
// apply: nodes join and boot, pods are deleted, restart, and keep ending. What is true of each node at the end is
// written down.
func (c *chaos) runBefore() {
	for i := range c.pods {
		c.podsWere[c.pods[i]] = podTruth{image: c.ds.Spec.Template.Spec.Containers[0].Image, ready: true,
			moved: c.now.Add(-time.Hour)}
	}
	for range c.Intn(40) {
		c.after(time.Duration(c.Intn(30000)) * time.Millisecond)
		if c.Intn(30) == 0 {
			c.after(5 * time.Minute)
		}
		switch node := c.nodes[c.Intn(len(c.nodes))].Name; c.Intn(12) {
		case 0:
			c.join(fmt.Sprintf("node-%d", 100+c.Intn(900)))
		case 1:
			c.gone(node)
		case 2:
			c.nodeHappens(node)
		default:
			c.podHappens(node)
		}
	}
	c.sick = map[string]uint{}
	for _, p := range c.pods {
		truth := c.podsWere[p]
		quiet := c.now.Sub(truth.moved)
		ending := truth.ends > 1 && !truth.lost && (!truth.ready || quiet < 10*time.Minute)
		unready := !truth.ready && c.now.Sub(truth.unready) >= 5*time.Minute-time.Second
		if !truth.going && (ending || unready) {
			c.sick[fact.TargetNode(p)] = truth.codes
		}
	}
}
