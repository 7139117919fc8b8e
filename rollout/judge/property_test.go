package judge

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// Whatever happens, before the apply and after it, and in whatever order it is seen: a rollout is never Complete while
// an eligible, present node that is neither late nor was truly in trouble before lacks a settled updated pod. What is
// true of each pod and node is written down as it happens, by the story's own clock, and looked up where Judge has to
// conclude it from statuses.
func TestNeverCompleteByMistake(t *testing.T) {
	complete, looks, seeds := 0, 0, 400
	if os.Getenv("DAEMONGATE_TEST_ALL") == "" {
		seeds = 80
	}
	for seed := range seeds {
		c := newChaos(t, int64(seed))
		c.options.NoProof = seed%2 == 0
		for range 60 {
			c.happen()
			l := c.staleLook()
			if c.Intn(6) == 0 {
				// the least that was saved
				c.memory = rollout.Memory{First: c.memory.First, Seen: c.memory.Seen, Hash: c.memory.Hash}
			}
			j, m := bothWays(l, c.target, overAgain(t, c.memory), c.options)
			c.memory = m
			looks++
			if j.Verdict != rollout.Complete {
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
func (c *chaos) mistaken(l rollout.Look) string {
	truth := c.was[l.DaemonSet]
	if l.DaemonSet.Generation < c.target.Generation || truth.observed < c.target.Generation {
		return "the commit was not observed"
	}
	if truth.image != c.wanted {
		return "somebody made it " + truth.image
	}
	var seen tally
	for _, n := range l.Nodes {
		if why := c.tell(&seen, n, l); why != "" {
			return why
		}
	}
	if why := seen.mistaken(); why != "" {
		return why
	}
	if seen.eligible > 0 && !c.proven(l) {
		return "no pod has run for a minute"
	}
	return ""
}

// tally is what the nodes of a look truly are.
type tally struct {
	eligible, absent, late, counted int
	unsettled, letOff               []string
}

// tell adds a node, and says why a rollout cannot be Complete for its sake alone.
func (c *chaos) tell(seen *tally, n *corev1.Node, l rollout.Look) (why string) {
	node := c.nodesWere[n]
	if node.barred {
		return ""
	}
	seen.eligible++
	late := node.made.After(c.target.AppliedAt)
	if late {
		seen.late++
	}
	if node.down {
		if late {
			return ""
		}
		if seen.absent++; c.skew[n.Name] == 0 && l.Now.Sub(node.since) < time.Minute-time.Second {
			return n.Name + " is not ready for a moment"
		}
		return ""
	}
	settled := slices.ContainsFunc(l.Pods, func(p *corev1.Pod) bool {
		return fact.TargetNode(p) == n.Name &&
			c.surelySettled(p, l)
	})
	if !settled {
		seen.unsettled = append(seen.unsettled, n.Name)
	}
	switch {
	case late:
	case settled:
		seen.counted++
	case !c.excused(n.Name, l):
		return n.Name + " has no settled new pod"
	default:
		seen.letOff = append(seen.letOff, n.Name)
	}
	return ""
}

// mistaken says why a rollout cannot be Complete for the sake of all nodes together.
func (seen tally) mistaken() string {
	switch {
	case seen.counted == 0 && len(seen.unsettled) > 0:
		return fmt.Sprintf("no node counts, and %v are not settled", seen.unsettled)
	case len(seen.letOff) > max(1, (seen.eligible-seen.late)/5):
		return fmt.Sprintf("too many nodes that were sick before are let off: %v", seen.letOff)
	case seen.absent > max(1, seen.eligible/5):
		return fmt.Sprintf("%d of %d nodes are absent", seen.absent, seen.eligible)
	}
	return ""
}

// excused reports whether a node may lack a settled pod: it was in trouble when the commit was applied, and no pod of
// the commit's there has ended in a way in which the one before had not.
func (c *chaos) excused(node string, l rollout.Look) bool {
	codes, sick := c.sick[node]
	return sick && !slices.ContainsFunc(l.Pods, func(p *corev1.Pod) bool {
		truth := c.podsWere[p]
		return fact.TargetNode(p) == node && truth.image == c.wanted && !truth.going && truth.codes&^codes != 0 &&
			truth.codes&codes == 0
	})
}

// proven reports whether a settled pod has run for a minute without anything happening to it, if that is asked for.
func (c *chaos) proven(l rollout.Look) bool {
	return c.options.NoProof || slices.ContainsFunc(l.Pods, func(p *corev1.Pod) bool {
		return c.surelySettled(p, l) && l.Now.Sub(c.podsWere[p].moved) >= time.Minute-time.Second
	})
}

// surelySettled is the least that a settled pod must be: of the commit's image, alive, Ready, and with nothing having
// happened to any container of it for ten seconds, or for its probation if one ever ended. A node's clock that is
// behind is known to within a second.
func (c *chaos) surelySettled(p *corev1.Pod, l rollout.Look) bool {
	truth := c.podsWere[p]
	if truth.image != c.wanted || truth.going || !truth.ready {
		return false
	}
	wait := max(10*time.Second, time.Duration(l.DaemonSet.Spec.MinReadySeconds)*time.Second)
	if truth.ends > 0 {
		wait = max(wait, time.Duration(min(10, 1<<min(truth.ends-1, 8)))*time.Minute)
	}
	return l.Now.Sub(truth.moved) >= wait-time.Second
}

// The watches may deliver the new DaemonSet, its revision and its pods in any order, each as it was a while ago:
// whatever has arrived, and whatever is remembered, it is not Complete before a pod that arrived has settled.
func TestEveryOrderOfArrivalIsComplete(t *testing.T) {
	orders := [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for _, back := range []bool{false, true} { // also back to a template whose revision and pods were there before
		for _, order := range orders {
			f := newFleet(t, 2)
			if back {
				f.image("v2").roll("node-1", "node-2")
				f.after(time.Hour)
			}
			old := f.look()
			f.image(map[bool]string{false: "v2", true: "v1"}[back])
			f.roll("node-1", "node-2")
			fresh, seen := f.look(), old
			for step, kind := range order {
				switch kind {
				case 0:
					seen.DaemonSet = fresh.DaemonSet
				case 1:
					seen.Revisions = fresh.Revisions
				case 2:
					seen.Pods = fresh.Pods
				}
				seen.Now = fresh.Now.Add(time.Duration(step+1) * 3 * time.Second)
				var j rollout.Judgement
				if j, f.memory = bothWays(seen, f.target, overAgain(t, f.memory),
					f.options); j.Verdict == rollout.Complete {
					t.Errorf("back %v, order %v, step %d: %s", back, order, step, plain(j))
				}
			}
			seen.Now = fresh.Now.Add(10 * time.Second)
			if j, _ := bothWays(seen, f.target, f.memory, f.options); j.Verdict != rollout.Complete {
				t.Errorf("back %v, order %v: never Complete\n%s", back, order, plain(j))
			}
		}
	}
}

// newChaos is a fleet to which anything happens, with a commit applied; on half of the seeds some node's clock is
// wrong.
func newChaos(t *testing.T, seed int64) *chaos {
	c := &chaos{fleet: newFleet(t, 1+int(seed%4)), Rand: rand.New(rand.NewSource(seed)),
		wanted: "registry.example.com/agent:v2",
		skew:   map[string]time.Duration{}, was: map[*appsv1.DaemonSet]setTruth{},
		nodesWere: map[*corev1.Node]nodeTruth{}, podsWere: map[*corev1.Pod]podTruth{}}
	for _, n := range c.nodes {
		c.nodesWere[n] = nodeTruth{made: n.CreationTimestamp.Time}
	}
	if seed%2 == 0 {
		c.skew["node-1"] = time.Duration(c.Intn(20)-15) * time.Minute
	}
	c.runBefore()
	sick := FailingBefore(c.look(), c.hashOf(c.ds.Spec.Template.Spec.Containers[0].Image), c.options)
	sidecar := corev1.ContainerRestartPolicyAlways
	c.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].Image = c.wanted
		if seed%3 == 0 {
			d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "side", Image: "side:v1",
				RestartPolicy: &sidecar}}
		}
	})
	c.target.Applied, c.target.FailingBefore = c.asked(), sick
	c.note()
	return c
}

// stamp is an instant as a node's clock has it, in the whole seconds of the API.
func (c *chaos) stamp(node string) metav1.Time {
	return metav1.NewTime(c.now.Add(c.skew[node]).Truncate(time.Second))
}
