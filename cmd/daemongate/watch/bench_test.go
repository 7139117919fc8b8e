package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/judge"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// fleet is nodes on which a DaemonSet rolls from v1 to v2: with each look some more of them have a new pod. It is a
// follow.Follower that really judges.
type fleet struct {
	look    rollout.Look
	target  rollout.Target
	memory  rollout.Memory
	owner   []metav1.OwnerReference
	reached int
	step    int
	judging time.Duration // of processor time, by the process's clock
}

func newFleet(nodes, step int) *fleet {
	f := &fleet{step: step}
	yes, now := true, time.Now()
	labels := map[string]string{"app": "agent"}
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: "agent", UID: "ds", Generation: 2}}
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	d.Spec.Template.Labels = labels
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent:v2"}}
	d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &intstr.IntOrString{Type: intstr.String, StrVal: "10%"}}}
	d.Status = appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: int32(nodes)}
	f.owner = []metav1.OwnerReference{{Kind: "DaemonSet", Name: "agent", UID: "ds", Controller: &yes}}
	f.look.DaemonSet = d
	for i, version := range []string{"v1", "v2"} {
		template := d.Spec.Template.DeepCopy()
		template.Spec.Containers[0].Image = "agent:" + version
		raw, _ := json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
		r := &appsv1.ControllerRevision{Revision: int64(i + 1), ObjectMeta: metav1.ObjectMeta{Name: "agent-" + version,
			OwnerReferences: f.owner, Labels: map[string]string{"app": "agent", appsv1.DefaultDaemonSetUniqueLabelKey: version}}}
		r.Data.Raw = raw
		f.look.Revisions = append(f.look.Revisions, r)
	}
	for i := range nodes {
		f.look.Nodes = append(f.look.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%05d", i),
			CreationTimestamp: metav1.NewTime(now.Add(-time.Hour)), Labels: map[string]string{
				"topology.kubernetes.io/zone": fmt.Sprint("eu-1", i%3), "karpenter.sh/nodepool": fmt.Sprint("pool-", i%5),
				"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": fmt.Sprintf("node-%05d", i)}},
			Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{"cpu": resource.MustParse("8")},
				Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue,
					LastTransitionTime: metav1.NewTime(now.Add(-time.Hour))}}}})
		f.look.Pods = append(f.look.Pods, f.pod(i, "v1", now.Add(-time.Hour)))
	}
	f.target = rollout.TargetOf(d)
	f.target.AppliedAt = now
	return f
}

func (f *fleet) pod(node int, version string, made time.Time) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: fmt.Sprintf("agent-%s-%05d", version, node),
		UID: types.UID(fmt.Sprint(version, node)), OwnerReferences: f.owner, CreationTimestamp: metav1.NewTime(made),
		Labels: map[string]string{"app": "agent", appsv1.DefaultDaemonSetUniqueLabelKey: version}}}
	p.Spec.NodeName = fmt.Sprintf("node-%05d", node)
	p.Spec.Containers = f.look.DaemonSet.Spec.Template.Spec.Containers
	p.Status.Phase, p.Status.StartTime = corev1.PodRunning, &p.CreationTimestamp
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue,
		LastTransitionTime: metav1.NewTime(made)}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "agent", Ready: true,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(made)}}}}
	return p
}

func (f *fleet) Stop() {}

// News never has any: it is looked at all the time.
func (f *fleet) News() <-chan struct{} { return nil }
func (f *fleet) Now() time.Time        { return time.Now() }

// Judge gives some more nodes a new pod, and judges.
func (f *fleet) Judge(context.Context) ([]report.Judged, error) {
	now := time.Now()
	for range f.step {
		if f.reached < len(f.look.Nodes) {
			f.look.Pods[f.reached*7919%len(f.look.Nodes)] = f.pod(f.reached*7919%len(f.look.Nodes), "v2", now)
			f.reached++
		}
	}
	f.look.Now = now
	before := processorTime()
	j, m := judge.Rollout(f.look, f.target, f.memory, rollout.Options{})
	f.judging += processorTime() - before
	f.memory = m
	return []report.Judged{{Target: f.target, Look: f.look, Judgement: j}}, nil
}

func processorTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkWatch is what the full screen takes while all nodes of a fleet roll, 50 of them from one look to the next, for
// ten looks, a second apart: the share of a core, what the process has of memory, and how much more than judging alone
// that is, which is the baseline.
func BenchmarkWatch(b *testing.B) {
	for _, nodes := range []int{12, 5000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			for b.Loop() {
				watchFleet(b, nodes)
			}
		})
	}
}

func watchFleet(b *testing.B, nodes int) {
	s := newServer(b)
	f := newFleet(nodes, 50)
	r := s.reach()
	r.Follow = func(*rest.Config, *api.Sync) (follow.Follower, error) { return f, nil }
	l, err := newLooker(r, "agents")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 10*lookPause)
	defer cancel()
	in, keys := io.Pipe()
	defer keys.Close()
	before, began := processorTime(), time.Now()
	err = fullScreen(ctx, l, false, tea.WithInput(in), tea.WithOutput(io.Discard), tea.WithWindowSize(200, 60),
		tea.WithEnvironment([]string{"TERM=xterm-256color", "TTY_FORCE=1"}))
	if err != nil {
		b.Fatal(err)
	}
	used := processorTime() - before
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(used.Seconds()/time.Since(began).Seconds(), "cores")
	b.ReportMetric(float64(used)/float64(max(f.judging, 1)), "x-judging")
	b.ReportMetric(float64(m.Sys)/1e6, "MB")
	b.ReportMetric(float64(f.reached), "reached-nodes")
	runtime.KeepAlive(f)
}
