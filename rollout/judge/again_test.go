package judge

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// Whatever has changed since the last look, mostly one thing, or nothing but the time: a judgement that goes into that
// alone is the one that goes into everything, and remembers the same. What was judged before stays as it was told.
func TestALookThatFollowsAnotherComesToTheSame(t *testing.T) {
	for seed := range 60 {
		f := newEventful(t, int64(seed))
		var c survey.Cache
		var m, old rollout.Memory
		var judged []told
		for range 80 {
			for range []int{1, 1, 1, 1, 1, 1, 1, 5}[f.Intn(8)] {
				f.oneThing()
			}
			l := f.look()
			l.Quotas = f.quotas
			if f.Intn(2) == 0 { // the same objects in another list
				l.Pods, l.Nodes, l.Events = slices.Clone(l.Pods), slices.Clone(l.Nodes), slices.Clone(l.Events)
			}
			before := m
			var j rollout.Judgement
			j, m = Rollout(l, f.target, before, f.options)
			judged = append(judged, mustBeAlike(&c, l, f.target, before, f.options, j, m))
			switch n := f.Intn(8); {
			case n < 2:
				m = f.forgets(m)
			case n < 3:
				m, old = old, m
			case n < 6 && len(m.Counted) > 0:
				m.Counted = nil
			}
		}
		for i, one := range judged {
			if now := jsonText(one.judgement) + jsonText(one.memory); now != one.text {
				t.Fatalf("seed %d: what look %d came to was changed by a later one, from\n%s\nto\n%s", seed, i, one.text, now)
			}
		}
	}
}

// What a probe answered at one node is told of all at which the kubelet keeps it to itself, from the next look on,
// although nothing has happened there in between.
func TestAnAnswerIsToldOfTheNextNodeToo(t *testing.T) {
	f := newFleet(t, 2)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].LivenessProbe = &corev1.Probe{FailureThreshold: 1}
	})
	for _, node := range []string{"node-1", "node-2"} {
		p := f.runs(f.replace(node))
		f.after(time.Minute)
		f.runs(f.ends(p, 137, "Error"))
		f.event(p, "Pod", "Killing", "Container agent failed liveness probe, will be restarted")
	}
	f.event(f.pod("node-2"), "Pod", "Unhealthy", "Liveness probe failed: no such door")
	f.want(rollout.Progressing, rollout.ProbeFailing)
	if j := f.want(rollout.Progressing, rollout.ProbeFailing); !strings.Contains(j.Causes[0].Message, "no such door") {
		t.Error(plain(j))
	}
}

// eventful is a fleet to which one thing happens at a time, of all that a judgement goes by.
type eventful struct {
	*fleet
	*rand.Rand
	quotas []*corev1.ResourceQuota
}

func newEventful(t *testing.T, seed int64) *eventful {
	r := rand.New(rand.NewSource(seed))
	nodes := []int{2, 5, 12, 130}[r.Intn(4)] // of 130 not all can be remembered
	f := &eventful{fleet: newFleet(t, nodes), Rand: r}
	f.options = rollout.Options{NoProof: r.Intn(2) == 0, NoBrake: r.Intn(8) == 0, WaitOnDelete: r.Intn(4) == 0}
	if r.Intn(4) == 0 {
		f.options.After = map[rollout.Code]time.Duration{rollout.CrashLoop: time.Minute,
			rollout.ProbeFailing: time.Second}
	}
	f.apply(func(d *appsv1.DaemonSet) { f.template(d) })
	f.target.OnDelete = f.ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
	if r.Intn(5) == 0 {
		f.target = rollout.TargetOf(f.ds) // nobody knows of a commit
	}
	for _, n := range f.nodes {
		if r.Intn(8) == 0 {
			f.target.FailingBefore = append(f.target.FailingBefore, rollout.FailingNode{Node: n.Name,
				Cause: []rollout.Code{"", rollout.CrashLoop}[r.Intn(2)], Evidence: "agent exit code 1", Since: f.now})
		}
		if r.Intn(2) == 0 {
			f.replace(n.Name)
		}
	}
	return f
}

// template is one of the templates that a commit asks for.
func (f *eventful) template(d *appsv1.DaemonSet) {
	c := &d.Spec.Template.Spec.Containers[0]
	c.Image = fmt.Sprintf("registry.example.com/agent:v%d", 2+f.Intn(3))
	c.Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("3")}
	d.Spec.MinReadySeconds = []int32{0, 20}[f.Intn(2)]
	if probe := (&corev1.Probe{FailureThreshold: 1, PeriodSeconds: 5, ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: "/healthz"}}}); f.Intn(2) == 0 {
		c.LivenessProbe, c.ReadinessProbe = probe, probe
	}
	if never := corev1.ContainerRestartPolicyNever; f.Intn(4) == 0 {
		c.RestartPolicy = &never
	}
	d.Spec.Template.Spec.NodeSelector = []map[string]string{nil, nil, {"pool": "a"}, {"pool": "b"}}[f.Intn(4)]
	if f.Intn(6) == 0 {
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	}
	if one, none := intstr.FromInt32(1), intstr.FromInt32(0); f.Intn(6) == 0 {
		d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &one, MaxUnavailable: &none}
	}
}

// forgets leaves one thing out of a memory, or nearly everything.
func (f *eventful) forgets(m rollout.Memory) rollout.Memory {
	switch f.Intn(10) {
	case 0:
		m.Since = nil
	case 1:
		m.Lost = nil
	case 2:
		m.Counted = nil
	case 3:
		m.Boots = nil
	case 4:
		m.Rejected = nil
	case 5:
		m.Ended = nil
	case 6:
		m.Killed = nil
	case 7:
		m.Answers = nil
	case 8:
		m = rollout.Memory{First: m.First, Seen: m.Seen}
	default:
		m = rollout.Memory{First: m.First, Seen: m.Seen, Hash: m.Hash, Observed: m.Observed}
	}
	return m
}

// oneThing happens, or nothing; some time passes, or none.
func (f *eventful) oneThing() {
	f.after([]time.Duration{0, 0, 100 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, time.Minute,
		10 * time.Minute, -time.Second}[f.Intn(9)])
	node := f.nodes[f.Intn(len(f.nodes))].Name
	if f.target.OnDelete && f.Intn(5) == 0 {
		f.target.Paced = []*rollout.Paced{nil, {Reached: f.Intn(9), Since: f.now, Moving: f.Intn(2) == 0}}[f.Intn(2)]
	}
	switch n := f.Intn(48); {
	case n >= 44:
		f.rareThing(node)
	case n < 4: // nothing but the time
	case n < 7:
		f.nodeChanges(node)
	case n < 11:
		f.setChanges(node)
	case n < 12 && len(f.nodes) > 1:
		f.nodes = slices.DeleteFunc(slices.Clone(f.nodes), func(n *corev1.Node) bool { return n.Name == node })
	case n < 13:
		f.joins(fmt.Sprintf("node-%d", f.Intn(200)))
	case n < 14 && len(f.events) > 0:
		k := f.Intn(len(f.events))
		f.events = slices.Delete(slices.Clone(f.events), k, k+1)
	case n < 15:
		f.gone(node)
	case n < 17:
		f.dated(func() { f.replace(node) })
	case n < 18:
		f.manyPods()
	default:
		f.podChanges(node)
	}
}

// joins has a node join, unless one of its name is there.
func (f *eventful) joins(name string) {
	f.nodes = slices.Clone(f.nodes)
	if !slices.ContainsFunc(f.nodes, func(n *corev1.Node) bool { return n.Name == name }) {
		f.addNode(name)
	}
}

// rareThing happens in few clusters, or in none.
func (f *eventful) rareThing(node string) {
	switch f.Intn(4) {
	case 0:
		f.renamed(node)
	case 1:
		f.moves(node)
	case 2:
		f.othersWereSick()
	default:
		f.options.Settle = []time.Duration{0, time.Minute, 20 * time.Minute}[f.Intn(3)]
	}
}

// renamed has another node stand in the place of one, or one of the same name that was made anew.
func (f *eventful) renamed(name string) {
	f.nodes = slices.Clone(f.nodes)
	k := slices.IndexFunc(f.nodes, func(n *corev1.Node) bool { return n.Name == name })
	f.nodes[k] = f.nodes[k].DeepCopy()
	f.nodes[k].UID, f.nodes[k].CreationTimestamp = types.UID(fmt.Sprint("again-", f.Int())), metav1.NewTime(f.now)
	if other := fmt.Sprintf("node-%d", f.Intn(200)); f.Intn(2) == 0 &&
		!slices.ContainsFunc(f.nodes, func(n *corev1.Node) bool { return n.Name == other }) {
		f.nodes[k].Name = other
	}
}

// moves has a node's pod stand on another node, as no real one does.
func (f *eventful) moves(node string) {
	k := slices.IndexFunc(f.pods, func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
	if k < 0 {
		return
	}
	f.pods = slices.Clone(f.pods)
	f.pods[k] = f.pods[k].DeepCopy()
	f.pods[k].Spec.NodeName = f.nodes[f.Intn(len(f.nodes))].Name
}

// othersWereSick has it known of other nodes that they were sick before the commit.
func (f *eventful) othersWereSick() {
	f.target.FailingBefore = slices.Clone(f.target.FailingBefore)
	list := &f.target.FailingBefore
	if n := len(*list); n > 0 && f.Intn(2) == 0 {
		*list = slices.Delete(*list, 0, 1)
		return
	}
	node := f.nodes[f.Intn(len(f.nodes))].Name
	if !slices.ContainsFunc(*list, func(n rollout.FailingNode) bool { return n.Node == node }) {
		*list = append(*list, rollout.FailingNode{Node: node, Cause: rollout.CrashLoop, Since: f.now})
	}
	f.Shuffle(len(*list), func(i, k int) { (*list)[i], (*list)[k] = (*list)[k], (*list)[i] })
}

// manyPods has more pods wait for room than can be told of one by one, or brings all into another order.
func (f *eventful) manyPods() {
	f.pods = slices.Clone(f.pods)
	if f.Intn(4) > 0 {
		f.Shuffle(len(f.pods), func(i, k int) { f.pods[i], f.pods[k] = f.pods[k], f.pods[i] })
		return
	}
	for i := range f.pods[:min(len(f.pods), 40)] {
		f.pods[i] = f.pods[i].DeepCopy()
		f.podDoes(f.pods[i], 20)
	}
}

func (f *eventful) nodeChanges(name string) {
	f.nodes = slices.Clone(f.nodes)
	k := slices.IndexFunc(f.nodes, func(n *corev1.Node) bool { return n.Name == name })
	f.nodes[k] = f.nodes[k].DeepCopy()
	switch f.Intn(7) {
	case 0:
		f.nodes[k].Spec.Unschedulable = !f.nodes[k].Spec.Unschedulable
	case 1:
		f.nodes[k].Status.NodeInfo.BootID = fmt.Sprint("boot-", f.Intn(3))
	case 2:
		f.nodes[k].Labels = map[string]string{"pool": []string{"a", "b"}[f.Intn(2)]}
	case 3:
		f.nodes[k].Spec.Taints = []corev1.Taint{{Key: []string{"busy", "old"}[f.Intn(2)],
			Effect: corev1.TaintEffectNoSchedule}}[:f.Intn(2)]
	default:
		f.dated(func() { f.setReady(name, f.Intn(2) == 0) })
	}
}

// dated has something dated by a clock that may be ahead or behind.
func (f *eventful) dated(happens func()) {
	now := f.now
	f.after([]time.Duration{0, 0, 0, -20 * time.Second, 5 * time.Second, time.Minute}[f.Intn(6)])
	happens()
	f.now = now
}

// setChanges has the DaemonSet's status, its brake, its Events, the commit or the quotas change.
func (f *eventful) setChanges(node string) {
	switch f.Intn(10) {
	case 0:
		f.ds = f.ds.DeepCopy()
		f.ds.Annotations = map[string]string{manifests.BrakeAnnotation: "commit " + node}
	case 1:
		f.ds = f.ds.DeepCopy()
		f.ds.Annotations = nil
	case 2:
		f.change(func(d *appsv1.DaemonSet) { f.template(d) })
		f.target.Generation = f.ds.Generation
	case 3:
		if f.Intn(2) == 0 { // somebody does
			f.change(func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = int32(f.Intn(3) * 15) })
		}
		f.observe()
	case 4:
		f.says(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x" is forbidden: exceeded quota: q, `+
			`requested: pods=1, used: pods=2, limited: pods=2`)
	case 5, 8, 9:
		reason := []string{"FailedDaemonPod", "SucceededDaemonPod"}[f.Intn(2)]
		pod := fmt.Sprintf("agent-%d", f.made)
		if k := slices.IndexFunc(f.pods, func(p *corev1.Pod) bool { return fact.TargetNode(p) == node }); k >= 0 {
			pod = f.pods[k].Name
			f.says(f.pods[k], "Pod", "Started", "Started container agent")
		}
		f.says(f.ds, "DaemonSet", reason, fmt.Sprintf("Found failed daemon pod platform/%s on node %s, will try to "+
			"kill it", pod, node))
	case 6:
		used := corev1.ResourceList{"pods": *resource.NewQuantity(int64(f.Intn(4)), resource.DecimalSI)}
		f.quotas = []*corev1.ResourceQuota{{ObjectMeta: metav1.ObjectMeta{Name: "q"},
			Status: corev1.ResourceQuotaStatus{Used: used}}}
	default:
		f.ds = f.ds.DeepCopy()
		f.ds.Status.DesiredNumberScheduled = int32(len(f.nodes))
		f.ds.Status.UpdatedNumberScheduled = int32(f.Intn(len(f.nodes) + 1))
		f.ds.Status.NumberAvailable = int32(f.Intn(len(f.nodes) + 1))
	}
}

// says is an Event, or one that is seen once more.
func (f *eventful) says(about metav1.Object, kind, reason, message string) {
	f.events = slices.Clone(f.events)
	for i, e := range f.events {
		f.events[i] = e
		if e.InvolvedObject.UID == about.GetUID() && e.Reason == reason && e.Message == message {
			f.events[i] = e.DeepCopy()
		}
	}
	f.dated(func() { f.event(about, kind, reason, message) })
}

// podChanges has one thing happen to a pod of a node.
func (f *eventful) podChanges(node string) {
	k := slices.IndexFunc(f.pods, func(p *corev1.Pod) bool { return fact.TargetNode(p) == node })
	f.pods = slices.Clone(f.pods)
	if k < 0 {
		f.newPod(node)
		return
	}
	p := f.pods[k].DeepCopy()
	f.pods[k] = p
	f.dated(func() { f.podDoes(p, f.Intn(24)) })
}

// waiting are what a container waits for, and with what message.
var waiting = [][2]string{{"CreateContainerConfigError", `configmap "nope" not found`}, {"ImagePullBackOff",
	"Back-off pulling image"}, {"ErrImagePull", "no such host"}, {"InvalidImageName", "must be lowercase"},
	{"CrashLoopBackOff", "back-off"}, {"PostStartHookError", "hook failed"}}

// saying are what Events say of a pod.
var saying = [][2]string{{"BackOff", "Back-off restarting failed container"}, {"Unhealthy",
	"Liveness probe failed: connection refused"}, {"Unhealthy", "Readiness probe failed: no"}, {"Killing",
	"Container agent failed liveness probe, will be restarted"}, {"FailedMount",
	`MountVolume.SetUp failed for volume "v" : secret "nope" not found`}, {"FailedCreatePodSandBox", "cni: no"},
	{"Failed", "Failed to pull image: no such host"}, {"Pulling", "Pulling image"}, {"Evicted", "low on memory"},
	{"FailedPostStartHook", "PostStartHook failed"}, {"Started", "Started container agent"}}

func (f *eventful) podDoes(p *corev1.Pod, what int) {
	if p.Spec.NodeName == "" { // the scheduler places it
		p.Spec.NodeName = fact.TargetNode(p)
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "agent"}}
		f.condition(p, corev1.PodScheduled, corev1.ConditionTrue, "", "")
	}
	switch {
	case what < 5:
		f.ready(p)
	case what < 8:
		f.ends(p, int32(f.Intn(2))*137, []string{"Error", "OOMKilled", "ContainerStatusUnknown"}[f.Intn(3)])
	case what < 10:
		f.runs(p)
	case what < 12:
		w := waiting[f.Intn(len(waiting))]
		f.waits(p, w[0], w[1])
		f.condition(p, corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
	case what < 16:
		w := saying[f.Intn(len(saying))]
		f.says(p, "Pod", w[0], w[1])
	case what < 18:
		f.terminate(p)
	case what < 19:
		p.Status.Phase, p.Status.Reason = corev1.PodFailed, []string{"", "Evicted"}[f.Intn(2)]
	case what < 21:
		f.pending(p, "0/5 nodes are available: 1 Insufficient cpu, 4 node(s) didn't satisfy plugin(s) [NodeAffinity].")
	case what < 22:
		p.Labels = map[string]string{fact.HashLabel: "h1"}
	default:
		f.condition(p, corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
	}
}
