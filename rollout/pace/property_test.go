package pace

import (
	"fmt"
	"maps"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// chaos is a played cluster to which anything happens, paced by looks of which some are old, and whose evictions are
// seen late.
type chaos struct {
	*world
	*rand.Rand
	seed    int64
	said    []Input            // what was decided by
	asked   map[types.UID]bool // pods that were evicted, ever
	byHand  map[string]bool    // set/node that lost its available pod to us, and has none since
	commits int
	done    int
}

// Whatever happens, and however old the look: no pod outside the stage goes, no DaemonSet has more nodes without an
// available pod by our hand than its budget, no node loses two pods of one, the stage never falls back, and a paused
// or failing rollout loses nothing. Half of the DaemonSets ask for RollingUpdate: while old pods are held back they have
// OnDelete.
func TestTheLawsOfPace(t *testing.T) {
	evictions, done, seeds := 0, 0, int64(300)
	if os.Getenv("DAEMONGATE_TEST_ALL") == "" {
		seeds = 40
	}
	for seed := range seeds {
		c := newChaos(t, seed)
		for range 120 {
			c.happen()
			c.turn()
			if t.Failed() {
				t.Fatalf("seed %d: %+v", seed, c.last)
			}
		}
		evictions, done = evictions+c.evictions, done+c.done
	}
	t.Logf("%d evictions, %d looks found a rollout done", evictions, done)
	if evictions < 150 || done < 5 {
		t.Errorf("%d evictions, and %d looks at what was done: the stories prove little", evictions, done)
	}
}

func newChaos(t *testing.T, seed int64) *chaos {
	r := rand.New(rand.NewSource(seed))
	c := &chaos{world: newWorld(t, 3+r.Intn(9), r.Intn(4)), Rand: r, seed: seed, asked: map[types.UID]bool{},
		byHand: map[string]bool{}}
	if r.Intn(3) == 0 {
		c.addSet("other")
	}
	c.options.Settle = time.Second
	c.plan.MaxUnavailable = number(1 + r.Intn(3))
	if r.Intn(3) == 0 {
		c.plan.MaxUnavailable = percent("40%")
	}
	soak := time.Duration(r.Intn(3)) * 10 * time.Second
	all := []Stage{
		{Name: "canary", Nodes: selector("canary=yes"), AtMost: 1 + r.Intn(3), Soak: soak},
		{Name: "zone", Each: "zone", Order: []string{"b"}, Approve: r.Intn(2) == 0},
		{Name: "batch", First: 1 + r.Intn(2), Factor: 1 + r.Intn(2), Soak: soak},
	}
	all[1].Overlap, all[2].Overlap = r.Intn(2) == 0, r.Intn(2) == 0
	r.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	c.plan.Stages = all[:r.Intn(4)]
	c.lives["v2"], c.lives["v5"] = 15*time.Second, time.Second/2
	if seed%2 == 1 {
		c.rolls()
	}
	c.next()
	return c
}

// next is the next commit: a new one, or back to the one before.
func (c *chaos) next() {
	c.commits++
	image := fmt.Sprintf("v%d", 1+c.commits)
	if c.Intn(4) == 0 {
		image = "v1"
	}
	c.said = nil
	c.commit(image)
	if c.rollback = c.Intn(6) == 0; c.Intn(3) == 0 {
		c.mends = c.now.Add(-time.Duration(c.Intn(3)) * time.Minute)
	}
}

// happen is one thing that happens.
func (c *chaos) happen() {
	c.after(time.Duration(c.Intn(6)) * time.Second)
	node := c.nodes[c.Intn(len(c.nodes))].Name
	switch n := c.Intn(30); {
	case n < 7:
		c.nodeChanges(n, node)
	case n < 15:
		c.wordComes(n)
	}
	for _, s := range c.sets {
		for _, p := range s.pods() {
			if isAvailable(p) {
				delete(c.byHand, s.ds.Name+"/"+p.Spec.NodeName)
			}
		}
	}
	for _, n := range c.nodes {
		if !isReadyNode(n) { // from then on it lacks its pod for another reason
			maps.DeleteFunc(c.byHand, func(key string, _ bool) bool { return strings.HasSuffix(key, "/"+n.Name) })
		}
	}
}

// nodeChanges is something that happens to a node.
func (c *chaos) nodeChanges(what int, node string) {
	switch what {
	case 3:
		c.ready(node, false)
	case 1, 2:
		c.ready(node, true)
	case 6:
		c.join(fmt.Sprintf("n%03d-%d", c.Intn(9), c.made), string(rune('a'+c.Intn(4))), c.Intn(3) == 0)
	case 0, 4:
		c.change(node, func(n *corev1.Node) {
			n.Labels = maps.Clone(n.Labels)
			n.Labels["zone"] = string(rune('a' + c.Intn(4)))
			n.Spec.Taints = nil
			if c.Intn(2) == 0 {
				n.Spec.Taints = []corev1.Taint{{Key: "karpenter.sh/disrupted", Effect: corev1.TaintEffectNoSchedule}}
			}
		})
	case 5:
		if c.Intn(2) == 0 {
			c.loseAny(node)
		} else {
			c.sickForAWhile()
		}
	}
}

// wordComes is something that somebody says.
func (c *chaos) wordComes(what int) {
	switch what {
	case 7:
		c.paused = []string{"", "a person"}[c.Intn(2)]
	case 14:
		c.alerts = []string{"", "alerts fire"}[c.Intn(2)]
		c.firing = c.alerts != "" && c.Intn(2) == 0
	case 8:
		c.closed = []string{"", "no window"}[c.Intn(2)]
		c.held = []string{"", "", "held in all clusters"}[c.Intn(3)]
	case 9, 10:
		c.progress.Approved = true
	case 11:
		if c.Intn(4) == 0 {
			c.next()
		}
	case 12:
		c.refused = map[types.UID]string{}
		for _, p := range c.sets[0].pods()[:c.Intn(len(c.sets[0].pods())+1)] {
			c.refused[p.UID] = "no"
		}
	case 13: // what was kept last may be older: here it is lost altogether
		c.progress, c.last = Progress{}, Outcome{}
	}
}

// sickForAWhile has most pods be not Ready for a while, as when what they depend on is away.
func (c *chaos) sickForAWhile() {
	for _, s := range c.sets {
		for i, p := range s.slots {
			if p == nil || !isAvailable(p) || c.Intn(3) == 0 {
				continue
			}
			p = p.DeepCopy()
			p.Status.Conditions[0].Status = corev1.ConditionFalse
			p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(c.now)
			c.put(s, i, p, c.now.Add(3*time.Second))
		}
	}
}

// loseAny has somebody else delete a node's pods.
func (c *chaos) loseAny(node string) {
	for _, s := range c.sets {
		for _, p := range s.pods() {
			if p.Spec.NodeName == node && p.DeletionTimestamp == nil {
				c.evict(Deletion{Name: p.Name, UID: p.UID})
				c.evictions--
				return
			}
		}
	}
}

func isAvailable(p *corev1.Pod) bool { return p.DeletionTimestamp == nil && fact.IsReady(p) }

// turn decides by the look of now, or by one that was taken before, and carries it out; sometimes a second one decides
// by the same look.
func (c *chaos) turn() {
	in := c.input()
	c.said = append(c.said, in)
	if c.Intn(3) == 0 { // the watches are late: what was evicted since is not seen, but remembered
		old := c.said[max(0, len(c.said)-1-c.Intn(4))]
		old.Progress, old.Paused, old.Alerts = in.Progress, in.Paused, in.Alerts
		old.Workloads = slices.Clone(old.Workloads)
		for i := range old.Workloads {
			old.Workloads[i].Going = in.Workloads[i].Going
			if c.Intn(2) == 0 { // those of the nodes are not
				old.Workloads[i].Look.Nodes = in.Workloads[i].Look.Nodes
			}
		}
		in = old
	}
	if o := c.decideBy(in); len(o.Delete) > 0 && c.Intn(2) == 0 {
		// the pods are seen late, and what has changed of the nodes since changes the order
		c.change(o.Delete[0].Node, func(n *corev1.Node) {
			n.Spec.Taints = []corev1.Taint{{Key: "karpenter.sh/disrupted", Effect: corev1.TaintEffectNoSchedule}}
		})
		in.Progress = o.Progress
		in.Workloads = slices.Clone(in.Workloads)
		for i := range in.Workloads {
			in.Workloads[i].Going, in.Workloads[i].Look.Nodes = maps.Clone(c.going), c.nodes
		}
		c.decideBy(in)
	}
}

// decideBy decides by one look, for one controller or for two at once, and carries it out.
func (c *chaos) decideBy(in Input) Outcome {
	o := Decide(in)
	c.holdsLaws(in, o)
	c.holdsOrder(in, o)
	if c.progress, c.last = o.Progress, o; o.Done {
		c.done++
	}
	for range 1 + c.Intn(2) {
		for _, d := range o.Delete {
			c.goes(d)
		}
	}
	c.carryStrategies(o)
	c.holdsBudget(in)
	c.holdsStrategies(o)
	return o
}

// holdsStrategies holds that no controller replaces pods by itself before the last stage is done.
func (c *chaos) holdsStrategies(o Outcome) {
	for _, s := range c.sets {
		if s.held && s.rolling && !o.Back && !o.Done && s.judgement.OldAvailable > 0 {
			c.t.Errorf("DaemonSet %s rolls by itself: %+v", s.ds.Name, o)
		}
	}
}

// goes evicts a pod, and notes whether its node has lost its available one by that.
func (c *chaos) goes(d Deletion) {
	for _, s := range c.sets {
		for _, p := range s.pods() {
			if p.UID != d.UID {
				continue
			}
			had := isAvailable(p) && isReadyNode(c.nodes[slices.IndexFunc(c.nodes, func(n *corev1.Node) bool {
				return n.Name == d.Node
			})])
			if c.evict(d) {
				c.going[d.UID] = true
				if c.asked[d.UID] = true; had {
					c.byHand[s.ds.Name+"/"+d.Node] = true
				}
			}
			return
		}
	}
}

// holdsLaws holds what is so of a single outcome.
func (c *chaos) holdsLaws(in Input, o Outcome) {
	on := map[string]bool{}
	for _, d := range o.Delete {
		set, _, _ := strings.Cut(d.Name, "-")
		if key := set + "/" + d.Node; on[key] {
			c.t.Errorf("two deletions on %s", key)
		} else {
			on[key] = true
		}
		if !c.mayHave(in, o, d) {
			c.t.Errorf("%s is not of stage %s: %+v\n%+v\n%v", d.Node, o.Name, o, in.Plan.Stages, c.labels(in))
		}
	}
	if o.Index < in.Progress.Index {
		c.t.Errorf("stage %d fell to %d", in.Progress.Index, o.Index)
	}
	switch {
	case len(o.Delete) == 0:
	case in.Paused != "":
		c.t.Errorf("paused: %+v", o)
	case in.Alerts != "" && o.Index > 0 && !in.Rollback:
		c.t.Errorf("alerts fire: %+v", o)
	case o.Waits == ForHealth, o.Waits == ForWindow, o.Waits == ForHold:
		c.t.Errorf("waits for %s: %+v", o.Waits, o)
	case o.Index > 0 && in.Closed+in.Held != "" && !(in.Progress.Begun && in.Progress.Index == o.Index):
		c.t.Errorf("closed: %+v", o)
	}
}

// mayHave tells by the plan's own words whether a node is of the stage, or of one before it. Of a canary and a batch
// only the nodes that could be in them are known.
func (c *chaos) mayHave(in Input, o Outcome, d Deletion) bool {
	if o.Name == fixName && o.Index == 0 || o.Name == restName {
		return true
	}
	l := in.Workloads[0].Look
	node := l.Nodes[slices.IndexFunc(l.Nodes, func(n *corev1.Node) bool { return n.Name == d.Node })]
	name, value, _ := strings.Cut(o.Name, "/")
	for _, s := range in.Plan.Stages {
		taken := s.Nodes == nil || node.Labels["canary"] == "yes"
		switch {
		case s.Name != name && taken: // the whole of an earlier stage
			return true
		case s.Name != name:
		case s.Each != "":
			zone := node.Labels["zone"]
			return zone == "b" || zone == value || value != "b" && zone < value
		default:
			return taken
		}
	}
	return false
}

func (c *chaos) labels(in Input) (said []string) {
	for _, n := range in.Workloads[0].Look.Nodes {
		said = append(said, fmt.Sprint(n.Name, n.Labels))
	}
	return said
}

// holdsOrder holds that the outcome is a function of what was seen, and not of the order in which it was.
func (c *chaos) holdsOrder(in Input, o Outcome) {
	again := in
	again.Workloads = slices.Clone(in.Workloads)
	for i := range again.Workloads {
		l := &again.Workloads[i].Look
		l.Pods, l.Nodes, l.Revisions = slices.Clone(l.Pods), slices.Clone(l.Nodes), slices.Clone(l.Revisions)
		c.Shuffle(len(l.Pods), func(i, k int) { l.Pods[i], l.Pods[k] = l.Pods[k], l.Pods[i] })
		c.Shuffle(len(l.Nodes), func(i, k int) { l.Nodes[i], l.Nodes[k] = l.Nodes[k], l.Nodes[i] })
		c.Shuffle(len(l.Revisions), func(i, k int) { l.Revisions[i], l.Revisions[k] = l.Revisions[k], l.Revisions[i] })
	}
	slices.Reverse(again.Workloads)
	if got := Decide(again); fmt.Sprint(got) != fmt.Sprint(o) {
		c.t.Errorf("in another order:\n%+v\n%+v", got, o)
	}
}

// holdsBudget holds what is so of the cluster now.
func (c *chaos) holdsBudget(in Input) {
	for i, s := range c.sets {
		down, meant := 0, 0
		for range c.nodes {
			meant++
		}
		for key := range c.byHand {
			if strings.HasPrefix(key, s.ds.Name+"/") {
				down++
			}
		}
		limit := rollout.Portion(*in.Plan.MaxUnavailable, meant)
		if in.Plan.MaxUnavailable.Type == 1 {
			limit = (meant*40 + 99) / 100
		}
		if down > limit {
			c.t.Errorf("DaemonSet %d: %d nodes are without an available pod by our hand, %d may be", i, down, limit)
		}
	}
}
