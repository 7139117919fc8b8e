package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/cmd/scale/growth"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
)

// agents is how many DaemonSets divide the nodes among them, a Sync for each.
const agents = 20

// silentFor is how long a node may be silent before it is NotReady. One process plays all nodes, beside the API server
// that it tells: it comes too late with some of the Leases, which are renewed every ten seconds, as by real kubelets.
const silentFor = 5 * time.Minute

// rollouts are DaemonSets that roll at once.
type rollouts struct {
	*stage
	repository repository
	n          int          // DaemonSets
	changes    atomic.Int64 // of pods
	ready      *seen        // the DaemonSets: which of their pods became Ready last
	complete   *seen
}

// agentsNamespace is that of the DaemonSets and of their Syncs.
const agentsNamespace = "agents"

// nodes measures so many nodes.
func (r *rehearsal) nodes(ctx context.Context, n int) ([]growth.Figure, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s, err := r.newStage(ctx, clustertest.Options{Nodes: n, NodeGrace: silentFor})
	if err != nil {
		return nil, err
	}
	defer s.end()
	o := &rollouts{stage: s, n: min(agents, n)}
	if err := o.prepare(ctx, n); err != nil {
		return nil, err
	}
	if _, _, err := o.roll(ctx, "v1"); err != nil {
		return nil, fmt.Errorf("the first rollout: %w", err)
	}
	r.say("%d nodes: the agents are there", n)
	before, err := o.now(ctx)
	if err != nil {
		return nil, err
	}
	changed := o.changes.Load()
	began, verdicts, err := o.roll(ctx, "v2")
	if err != nil {
		return nil, err
	}
	after, err := o.now(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.keepProfiles(ctx, fmt.Sprintf("%d-nodes", n)); err != nil {
		return nil, err
	}
	c, changes := o.since(before, after), max(1, float64(o.changes.Load()-changed))
	second := tick.Seconds()
	return []growth.Figure{
		{Name: "all roll at once, 10% of each at a time: until all are Complete, s", Values: []float64{
			after.at.Sub(began).Seconds()}, Least: second},
		{Name: "… changes of pods", Values: []float64{changes}, Least: 1},
		{Name: "… controller, processor s", Values: []float64{c.own}, Least: second, Limit: sized},
		{Name: "… for each change of a pod, processor ms", Values: []float64{1000 * c.own / changes}, Least: second},
		{Name: "… share of a core", Values: []float64{c.own / c.took.Seconds()}, Least: second},
		{Name: "… requests about Syncs, for each DaemonSet", Values: []float64{
			(after.syncs - before.syncs) / min(agents, float64(n))}, Least: 1, Limit: sized},
		{Name: "last pod is Ready to Complete, which it must be for 1 s, p50, ms", Values: []float64{
			milliseconds(growth.Quantile(verdicts, 0.5))}, Least: 1},
		{Name: "… p99, ms", Values: []float64{milliseconds(growth.Quantile(verdicts, 0.99))}, Least: 1},
		{Name: "memory of the controller, MB", Values: []float64{after.memory}, Least: 1, Limit: sized},
		{Name: "… at most, MB", Values: []float64{after.peak}, Least: 1, Limit: sized},
		{Name: "goroutines", Values: []float64{after.goroutines}, Least: 1, Limit: sized},
	}, nil
}

func agentOf(i int) string { return fmt.Sprintf("agent-%02d", i) }

// agent is the DaemonSet of a number, for the nodes that carry its name.
func agent(i int, version string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  updateStrategy: {rollingUpdate: {maxUnavailable: 10%%}}
  template:
    metadata: {labels: {app: %[1]s, fleet: scale}}
    spec:
      terminationGracePeriodSeconds: 0
      nodeSelector: {agent: %[1]s}
      containers: [{name: agent, image: "registry.local/agent:%[2]s"}]
`, agentOf(i), version)
}

// prepare gives each DaemonSet its nodes, and makes the repository, the Syncs and the controller.
func (o *rollouts) prepare(ctx context.Context, n int) (err error) {
	nodes, err := o.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var labelling errgroup.Group
	labelling.SetLimit(8)
	for i, node := range nodes.Items {
		labelling.Go(func() error {
			patch := fmt.Sprintf(`{"metadata":{"labels":{"agent":%q}}}`, agentOf(i%agents))
			_, err := o.kube.CoreV1().Nodes().Patch(ctx, node.Name, types.MergePatchType, []byte(patch),
				metav1.PatchOptions{})
			return err
		})
	}
	if err := labelling.Wait(); err != nil {
		return err
	}
	if o.repository, err = o.newRepository(ctx, agentsNamespace); err != nil {
		return err
	}
	objects, err := tenantObjects(agentsNamespace)
	if err != nil {
		return err
	}
	if err := install.Apply(ctx, o.cluster.Config, objects); err != nil {
		return err
	}
	if err := o.follow(ctx); err != nil {
		return err
	}
	for i := range min(agents, n) {
		err := o.create(ctx, agentsNamespace, agentOf(i), map[string]any{
			"source":  map[string]any{"url": o.repository.url, "path": agentOf(i)},
			"apply":   map[string]any{"targetNamespace": agentsNamespace, "serviceAccountName": "deployer"},
			"rollout": map[string]any{"settle": "1s", "proof": "1s"},
			"webhook": map[string]any{"provider": "GitHub", "secretRef": map[string]any{"name": "hook"}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// follow begins to look at pods and Syncs.
func (o *rollouts) follow(ctx context.Context) error {
	all := o.kube.CoreV1().Pods(agentsNamespace)
	pods, err := watching(ctx, "fleet=scale", all.List, all.Watch)
	if err != nil {
		return err
	}
	o.ready = follow(ctx, pods, func(e watch.Event) (name, value string) {
		o.changes.Add(1)
		p, ok := e.Object.(*corev1.Pod)
		if !ok || e.Type == watch.Deleted || !isReady(p) {
			return "", ""
		}
		return p.Labels["app"] + " " + p.Spec.Containers[0].Image, p.Name
	})
	o.complete, err = o.followSyncs(ctx)
	return err
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// roll pushes another version of all agents, and waits until all are Complete. It returns when it was pushed, and how
// long it took from the last pod of each DaemonSet that became Ready until the Sync said so.
func (o *rollouts) roll(ctx context.Context, version string) (began time.Time, verdicts []time.Duration, err error) {
	files := map[string]string{}
	for i := range agents {
		files[agentOf(i)+"/agent.yaml"] = agent(i, version)
	}
	began = time.Now()
	head, err := o.repository.push(ctx, files)
	if err != nil {
		return began, nil, err
	}
	if o.controller == nil {
		err = o.start(ctx)
	} else {
		err = o.hook(ctx, agentsNamespace+"/"+agentOf(0))
	}
	if err != nil {
		return began, nil, err
	}
	want := map[string]string{}
	for i := range o.n {
		want[agentsNamespace+"/"+agentOf(i)] = head
	}
	if _, _, err := o.complete.wait(ctx, "all DaemonSets to have rolled", want); err != nil {
		return began, nil, err
	}
	for name := range want {
		_, complete, _, _ := o.complete.have(map[string]string{name: head})
		if ready := o.ready.when(name[len(agentsNamespace)+1:] + " registry.local/agent:" + version); !ready.IsZero() {
			verdicts = append(verdicts, complete.Sub(ready))
		}
	}
	return began, verdicts, nil
}
