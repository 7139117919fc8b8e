package plan

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/podtest"
	"github.com/daemongate/daemongate/rollout/room"
)

// How many fleets are played: some in every run, all of them where PLAN_FLEETS says so.
const (
	someFleets = 40
	planFleets = "PLAN_FLEETS"
)

// No node is said to fit that the scheduler refuses, and none not to fit that it takes, but for what the plan names as
// not weighed. Whom it preempts is foreseen. Fleets, templates and what stands there are random, by seeds.
func TestTheSchedulerAgrees(t *testing.T) {
	t.Parallel()
	count := someFleets
	if text := os.Getenv(planFleets); text != "" {
		n, err := strconv.Atoi(text)
		check(t, err)
		count = n
	}
	cluster := clustertest.Start(t, clustertest.Options{Nodes: -1, NodeGrace: time.Hour})
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	s := &schedulerTest{t: t, kube: kube, config: cluster.Config}
	s.classes()
	s.createClasses()
	var fleets []*fleetOf
	for seed := range count {
		fleets = append(fleets, newFleet(uint64(seed)))
	}
	s.inParallel(fleets, s.create)
	s.waitReady(fleets)
	s.readDisks(fleets)
	s.inParallel(fleets, s.admit)
	s.inParallel(fleets, s.ask)
	seen := map[string]int{}
	for _, f := range fleets {
		s.compare(f, seen)
	}
	t.Logf("%d fleets: %v", count, seen)
	if seen["obstacles"] < count/20 || seen["limits"] < count/20 {
		t.Error("the fleets try too few volumes")
	}
	for _, want := range []string{string(HasRoom), string(ByPreempt), string(NoRoom)} {
		if seen[want] < count/10 {
			t.Errorf("%s was seen %d times only: the fleets try too little", want, seen[want])
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// schedulerTest plays fleets on one cluster with a real scheduler. Their nodes have no kubelet: what is bound there
// stays, and what is deleted stays too.
type schedulerTest struct {
	t      *testing.T
	kube   kubernetes.Interface
	config *rest.Config
}

// fleetOf is one fleet: nodes, what stands on them, and a DaemonSet whose template changes.
type fleetOf struct {
	seed   uint64
	r      *rand.Rand
	in     Input
	others []*corev1.Pod
	disks  *disks
	asked  map[string]string // the name of the pod that the scheduler was given, by node
}

// priorities are those of the classes, whose names say them.
var priorities = map[string]int32{"low": 10, "mid": 20, "high": 30, "never": 30}

const overhead = "300m"

func (s *schedulerTest) classes() {
	ctx := s.t.Context()
	for name, value := range priorities {
		class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value}
		if never := corev1.PreemptNever; name == "never" {
			class.PreemptionPolicy = &never
		}
		_, err := s.kube.SchedulingV1().PriorityClasses().Create(ctx, class, metav1.CreateOptions{})
		check(s.t, err)
	}
	_, err := s.kube.NodeV1().RuntimeClasses().Create(ctx, &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{
		Name: "heavy"}, Handler: "heavy", Overhead: &nodev1.Overhead{PodFixed: podtest.Quantities("cpu=" + overhead)}},
		metav1.CreateOptions{})
	check(s.t, err)
	clustertest.Until(s.t, 2*time.Minute, "the account of the namespace", func() (string, bool) {
		_, err := s.kube.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return fmt.Sprint(err), err == nil
	})
}

// inParallel does something for every fleet, several at once.
func (s *schedulerTest) inParallel(fleets []*fleetOf, do func(*fleetOf) error) {
	s.t.Helper()
	var group sync.WaitGroup
	work, errs := make(chan *fleetOf), make(chan error, len(fleets))
	for range 12 {
		group.Go(func() {
			for f := range work {
				if err := do(f); err != nil {
					errs <- fmt.Errorf("fleet %d: %w", f.seed, err)
				}
			}
		})
	}
	for _, f := range fleets {
		work <- f
	}
	close(work)
	group.Wait()
	close(errs)
	for err := range errs {
		s.t.Error(err)
	}
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// create makes the nodes and what stands on them.
func (s *schedulerTest) create(f *fleetOf) error {
	for _, n := range f.in.Nodes {
		if _, err := s.kube.CoreV1().Nodes().Create(s.t.Context(), n.DeepCopy(), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	if err := s.createDisks(f.disks); err != nil {
		return err
	}
	stand := f.others
	if surges(f.in.Next) { // else the old pods have gone by then
		stand = append(slices.Clone(stand), f.in.Pods...)
	}
	for i, p := range stand {
		bare := p.DeepCopy()
		bare.OwnerReferences = nil // there is no such DaemonSet
		made, err := s.kube.CoreV1().Pods("default").Create(s.t.Context(), bare, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		// Of two as important pods the younger one is preempted.
		made.Status.Phase = corev1.PodRunning
		made.Status.StartTime = &metav1.Time{Time: began.Add(time.Duration((i*7)%11) * time.Minute)}
		if _, err := s.kube.CoreV1().Pods("default").UpdateStatus(s.t.Context(), made, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// began is when the first pod started.
var began = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// waitReady waits until no node is tainted any more for being new.
func (s *schedulerTest) waitReady(fleets []*fleetOf) {
	s.t.Helper()
	clustertest.Until(s.t, 3*time.Minute, "the nodes to be ready", func() (string, bool) {
		list, err := s.kube.CoreV1().Nodes().List(s.t.Context(), metav1.ListOptions{})
		check(s.t, err)
		young := 0
		for i := range list.Items {
			for _, taint := range list.Items[i].Spec.Taints {
				if strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
					young++
				}
			}
		}
		return fmt.Sprintf("%d of %d are not", young, len(list.Items)), young == 0
	})
	// What stands there is read back: the API server has filled in priorities and requests.
	pods, err := s.kube.CoreV1().Pods("default").List(s.t.Context(), metav1.ListOptions{})
	check(s.t, err)
	byFleet := map[string][]*corev1.Pod{}
	for i := range pods.Items {
		p := &pods.Items[i]
		byFleet[p.Labels["fleet"]] = append(byFleet[p.Labels["fleet"]], p)
	}
	for _, f := range fleets {
		own := map[string]*corev1.Pod{}
		for _, p := range f.in.Pods {
			own[p.Name] = p
		}
		for _, p := range byFleet[f.name()] {
			if mine := own[p.Name]; mine != nil {
				p.OwnerReferences = mine.OwnerReferences
				*mine = *p
				continue
			}
			f.in.Others.Pods = append(f.in.Others.Pods, p)
		}
		for _, n := range f.in.Nodes {
			f.in.Others.Nodes = append(f.in.Others.Nodes, n.Name)
		}
	}
}

// admit has the pod of every other fleet weighed as admission makes it, and of the rest the template. What only admission
// knows is weighed by admission.
func (s *schedulerTest) admit(f *fleetOf) error {
	if f.seed%2 == 0 && f.in.Next.Spec.Template.Spec.RuntimeClassName == nil {
		for name, value := range priorities {
			class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value}
			if never := corev1.PreemptNever; name == "never" {
				class.PreemptionPolicy = &never
			}
			f.in.Classes = append(f.in.Classes, class)
		}
		return nil
	}
	p, err := s.kube.CoreV1().Pods("default").Create(s.t.Context(), f.newPod(""), metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}})
	f.in.Pod = p
	return err
}

// ask gives the scheduler a pod for each node that the commit wants, as the DaemonSet controller makes it.
func (s *schedulerTest) ask(f *fleetOf) error {
	f.asked = map[string]string{}
	wants := fact.EligibilityOf(&f.in.Next.Spec.Template)
	for _, n := range f.in.Nodes {
		if wants.Refuses(n) != "" {
			continue
		}
		p, err := s.kube.CoreV1().Pods("default").Create(s.t.Context(), f.newPod(n.Name), metav1.CreateOptions{})
		if err != nil {
			return err
		}
		f.asked[n.Name] = p.Name
	}
	return nil
}

// compare says where plan and scheduler do not agree.
func (s *schedulerTest) compare(f *fleetOf, seen map[string]int) {
	s.t.Helper()
	p := Weigh(f.in)
	if len(p.Nodes) != len(f.asked) {
		s.t.Errorf("fleet %d: %d nodes are planned, and %d eligible", f.seed, len(p.Nodes), len(f.asked))
	}
	for i := range p.Nodes {
		n := &p.Nodes[i]
		took, victims, said := s.answer(f, f.asked[n.Name], n.Name)
		seen[string(n.Room)]++
		if len(n.Obstacles) > 0 {
			seen["obstacles"]++
		}
		if slices.ContainsFunc(n.Short, func(f rollout.Shortfall) bool { return strings.Contains(f.Resource, driver) }) {
			seen["limits"]++
		}
		unsure := append(slices.Clone(n.NotWeighed), weighedNot(&p)...)
		switch {
		case n.Room == took && (took != ByPreempt || slices.Equal(victims, namesOf(n.Preempts))):
		case len(unsure) > 0 && n.Room != NoRoom: // it keeps pods away and never lets one in
			seen["not weighed"]++
		default:
			s.t.Errorf("fleet %d, %s: the plan says %s %v %v %v, the scheduler %s %v (%s); not weighed: %v", f.seed,
				n.Name, n.Room, n.Short, n.Obstacles, n.Preempts, took, victims, said, unsure)
		}
	}
}

// weighedNot is what a plan names as not weighed, but that a template was: nothing was left to admission here.
func weighedNot(p *Plan) []string {
	return slices.DeleteFunc(slices.Clone(p.NotWeighed), func(why string) bool {
		return strings.HasPrefix(why, "what admission adds")
	})
}

func namesOf(list []Victim) []string {
	var names []string
	for _, v := range list {
		names = append(names, v.Pod)
	}
	slices.Sort(names)
	return names
}

// answer is what the scheduler did with a pod, once it has: a place on its node, others that go for it, or none.
func (s *schedulerTest) answer(f *fleetOf, name, node string) (took Room, victims []string, said string) {
	s.t.Helper()
	clustertest.Until(s.t, 3*time.Minute, "the scheduler's word on pod "+name, func() (string, bool) {
		p, err := s.kube.CoreV1().Pods("default").Get(s.t.Context(), name, metav1.GetOptions{})
		check(s.t, err)
		c := fact.PodCondition(p, corev1.PodScheduled)
		switch {
		case s.isMade(name, node):
			took = HasRoom
		case c == nil || strings.Contains(c.Message, "waiting for ephemeral volume controller"):
			return "nothing", false
		case c.Status == corev1.ConditionTrue:
			took = HasRoom
		case p.Status.NominatedNodeName != "":
			took = ByPreempt
			victims = s.victims(f, p.Status.NominatedNodeName)
			return "no victims yet", len(victims) > 0
		default:
			took, said = NoRoom, c.Message
		}
		return "", true
	})
	return took, victims, said
}

// victims are the pods of a node that are being deleted.
func (s *schedulerTest) victims(f *fleetOf, node string) (names []string) {
	list, err := s.kube.CoreV1().Pods("default").List(s.t.Context(), metav1.ListOptions{LabelSelector: "fleet=" + f.name()})
	check(s.t, err)
	for i := range list.Items {
		if p := &list.Items[i]; p.DeletionTimestamp != nil && p.Spec.NodeName == node {
			names = append(names, room.FullName(p))
		}
	}
	slices.Sort(names)
	return names
}

func (f *fleetOf) name() string { return fmt.Sprintf("f%d", f.seed) }

// newPod is a pod of the new template for a node, as the DaemonSet controller makes it.
func (f *fleetOf) newPod(node string) *corev1.Pod {
	t := f.in.Next.Spec.Template.DeepCopy()
	p := &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
	p.GenerateName, p.Namespace = f.name()+"-new-", "default"
	for _, key := range []string{"not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure",
		"unschedulable", "network-unavailable"} {
		p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: "node.kubernetes.io/" + key,
			Operator: corev1.TolerationOpExists})
	}
	if node == "" {
		return p
	}
	if p.Spec.Affinity == nil {
		p.Spec.Affinity = &corev1.Affinity{}
	}
	p.Spec.Affinity.NodeAffinity = &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.
		NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{
		Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}}}}}}
	return p
}
