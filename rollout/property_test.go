package rollout

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// chaos is a fleet to which anything happens, in any order.
type chaos struct {
	*fleet
	*rand.Rand
	seen []Look // of which any part may still be on show
}

func (c *chaos) anyNode() string { return c.nodes[c.Intn(len(c.nodes))].Name }

// happen lets one thing happen. Pods are copied before they change, as in a cache.
func (c *chaos) happen() {
	c.after(time.Duration(c.Intn(20000)) * time.Millisecond)
	if len(c.nodes) == 0 {
		c.addNode("node-new")
	}
	node := c.anyNode()
	switch c.Intn(13) {
	case 0:
		c.addNode(fmt.Sprintf("node-%d", 100+c.Intn(900)))
	case 1:
		c.gone(node)
	case 2:
		c.change(func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = int32(c.Intn(30)) })
	case 3:
		c.setCopy(node, func(n *corev1.Node) { n.Spec.Unschedulable = !n.Spec.Unschedulable })
	case 4, 5:
		c.setCopy(node, func(*corev1.Node) { c.setReady(node, c.Intn(3) > 0) })
	default:
		c.podHappens(node)
	}
	if c.Intn(3) > 0 {
		c.observe()
	}
}

func (c *chaos) setCopy(name string, change func(*corev1.Node)) {
	for i, n := range c.nodes {
		if n.Name == name {
			nodes := append([]*corev1.Node(nil), c.nodes...)
			nodes[i] = n.DeepCopy()
			c.nodes = nodes
			change(nodes[i])
			return
		}
	}
}

func (c *chaos) podHappens(node string) {
	var p *corev1.Pod
	for i := range c.pods {
		if targetNode(c.pods[i]) == node {
			pods := append([]*corev1.Pod(nil), c.pods...)
			pods[i] = pods[i].DeepCopy()
			c.pods, p = pods, pods[i]
		}
	}
	if p == nil {
		p = c.newPod(node)
	}
	switch c.Intn(7) {
	case 0:
		c.terminate(p)
	case 1:
		c.ends(p, int32(c.Intn(3)), "Error")
	case 2:
		c.waits(p, "ImagePullBackOff", "no")
	case 3:
		c.replace(node)
	default:
		c.ready(p)
	}
}

// staleLook is a look of which each kind may be older than the others.
func (c *chaos) staleLook() Look {
	l := c.look()
	c.seen = append(c.seen, l)
	past := func() Look { return c.seen[max(0, len(c.seen)-1-c.Intn(4))] }
	l.DaemonSet, l.Revisions, l.Pods = past().DaemonSet, past().Revisions, past().Pods
	return l
}

// Whatever happens, in whatever order it is seen: a rollout is never Complete while an eligible, present node that is not
// late lacks a settled updated pod. The rule is written here a second time, as simply as can be.
func TestNeverCompleteByMistake(t *testing.T) {
	complete, looks, seeds := 0, 0, 300
	if testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		c := &chaos{fleet: newFleet(t, 1+seed%4), Rand: rand.New(rand.NewSource(int64(seed)))}
		c.image("v2")
		for range 60 {
			c.happen()
			l := c.staleLook()
			j, m := Judge(l, c.target, overAgain(t, c.memory), c.options)
			c.memory = m
			looks++
			if j.Verdict != Complete {
				continue
			}
			complete++
			if why := c.mistaken(l); why != "" {
				t.Fatalf("seed %d, look %d: Complete, but %s\n%s", seed, looks, why, plain(j))
			}
		}
	}
	t.Logf("%d of %d looks were Complete", complete, looks)
	if complete < seeds/3 {
		t.Errorf("only %d of %d looks were Complete: the story proves little", complete, looks)
	}
}

// mistaken says why a look cannot be Complete; "" if it may.
func (c *chaos) mistaken(l Look) string {
	if l.DaemonSet.Generation < c.target.Generation || l.DaemonSet.Status.ObservedGeneration < c.target.Generation {
		return "the commit was not observed"
	}
	for _, n := range l.Nodes {
		if n.CreationTimestamp.After(c.target.AppliedAt) || n.Status.Conditions[0].Status != corev1.ConditionTrue {
			continue
		}
		settled := false
		for _, p := range l.Pods {
			settled = settled || targetNode(p) == n.Name && c.surelySettled(p, l)
		}
		if !settled {
			return n.Name + " has no settled new pod"
		}
	}
	return ""
}

// surelySettled is the least that a settled pod must be: of the commit's image, alive, Ready, and with nothing having
// happened to its container for ten seconds, or a minute if it ever ended.
func (c *chaos) surelySettled(p *corev1.Pod, l Look) bool {
	s := p.Status.ContainerStatuses[0]
	if p.Spec.Containers[0].Image != "registry.example.com/agent:v2" || p.DeletionTimestamp != nil || !isReady(p) || s.State.Running == nil {
		return false
	}
	wait := max(10*time.Second, time.Duration(l.DaemonSet.Spec.MinReadySeconds)*time.Second)
	if s.RestartCount > 0 {
		wait = max(wait, time.Minute)
	}
	return l.Now.Sub(s.State.Running.StartedAt.Time) >= wait
}
