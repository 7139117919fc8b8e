package page_test

import (
	"context"
	"fmt"
	"strings"
	gosync "sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/cmd/daemongate/page"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The words that all pages of the stories share.
const (
	crash  = `container fluentd keeps ending: exit code 3: parser "cri2" is not known`
	remedy = "Read why in its log, kubectl -n logging logs fluentd-00001 -c fluentd --previous, then fix the commit."
)

func hash(digit string) string { return strings.Repeat(digit, 40) }

func ago(d time.Duration) metav1.MicroTime { return metav1.NewMicroTime(time.Now().Add(-d)) }

// newSync is a Sync whose commit b rolls out, after a was complete.
func newSync(name string) *api.Sync {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: name, UID: types.UID(name)}}
	s.Spec.Source.URL, s.Spec.Source.Path = "https://git.example.com/fleet.git", "agents"
	s.Status.Conditions = []metav1.Condition{{Type: api.ConditionSource, Status: metav1.ConditionTrue, Reason: "Read"}}
	s.Status.LastComplete, s.Status.Head = hash("a"), hash("b")
	s.Status.InFlight = &api.Flight{Commit: hash("b"), Before: hash("a"), Since: ago(2 * time.Minute),
		Workloads: []api.Workload{{UID: types.UID("uid-" + name), Namespace: "logging", Name: "fluentd"}}}
	s.Status.History = []api.Record{
		{Commit: hash("b"), Subject: "Enable the new parser", First: ago(2 * time.Minute), Since: ago(2 * time.Minute)},
		{Commit: hash("a"), Subject: "Ship fluentd v5", State: api.Complete, First: ago(70 * time.Minute), Since: ago(time.Hour)}}
	return inState(s, api.RollingOut, "")
}

// inState has the commit in flight come to a state.
func inState(s *api.Sync, state api.CommitState, message string) *api.Sync {
	f := s.Status.InFlight
	f.State, s.Status.History[0].State = state, state
	s.Status.History[0].Private = message
	s.Status.Summary = api.Summary{Commit: api.Short(f.Commit), State: state, Message: message}
	if state == api.Complete {
		f.Nodes, f.Pruned = api.NodeCounts{Desired: 12, Updated: 12, Settled: 12}, true
		done := ago(time.Minute)
		f.Completed = &done
		s.Status.LastComplete = f.Commit
	}
	return s
}

// fleet is the nodes of one Sync, and what stands on each. It plays the follower that judges them.
type fleet struct {
	mu     gosync.Mutex
	judged report.Judged
	states []rollout.NodeState
	news   chan struct{}
}

// newFleet is so many nodes in three zones and two pools, all of which still run the commit before.
func newFleet(nodes int) *fleet {
	f := &fleet{news: make(chan struct{}, 1)}
	f.judged.Target = rollout.Target{Namespace: "logging", Name: "fluentd", AppliedAt: time.Now().Add(-2 * time.Minute)}
	for i := range nodes {
		f.states = append(f.states, rollout.IsOld)
		f.judged.Look.Nodes = append(f.judged.Look.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName(i),
			Labels: map[string]string{"topology.kubernetes.io/zone": "eu-1" + string(rune('a'+i%3)),
				"karpenter.sh/nodepool": []string{"general", "gpu"}[i/8%2]}}})
	}
	return f
}

func nodeName(i int) string { return fmt.Sprintf("node-%04d", i+1) }

// are brings the nodes from one number up to, and without, another to a class.
func (f *fleet) are(state rollout.NodeState, from, to int) *fleet {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := from; i < to; i++ {
		f.states[i] = state
	}
	select {
	case f.news <- struct{}{}:
	default:
	}
	return f
}

// Judge counts the nodes.
func (f *fleet) Judge(context.Context) ([]report.Judged, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j := rollout.Judgement{Verdict: rollout.Progressing, Headline: "Waiting for the nodes", Desired: len(f.states),
		Eligible: len(f.states)}
	failing := []string{}
	for i, state := range f.states {
		n := rollout.Node{Name: nodeName(i), State: state, Pod: fmt.Sprintf("fluentd-%05d", i)}
		switch state {
		case rollout.IsSettled:
			j.Settled, j.Updated = j.Settled+1, j.Updated+1
		case rollout.IsUpdated:
			j.Updated++
		case rollout.IsFailing:
			j.Updated, n.Cause, n.Why = j.Updated+1, rollout.CrashLoop, crash
			failing = append(failing, n.Name)
		}
		j.Nodes = j.Nodes.And([]rollout.Node{n})
	}
	if len(failing) > 0 {
		j.Verdict = rollout.Stuck
		j.Causes = []rollout.Cause{{Code: rollout.CrashLoop, Nodes: failing, Container: "fluentd", Message: crash,
			Remedy: remedy, Since: time.Now().Add(-time.Minute), Final: true}}
	}
	if j.Settled == len(f.states) {
		j.Verdict, j.Headline = rollout.Complete, "All nodes have settled"
	}
	judged := f.judged
	judged.Judgement, judged.Look.Now = j, time.Now()
	return []report.Judged{judged}, nil
}

// News has a value after a change.
func (f *fleet) News() <-chan struct{} { return f.news }

// Now is the time.
func (*fleet) Now() time.Time { return time.Now() }

// Stop does nothing: what is played needs no watches.
func (*fleet) Stop() {}

// fleets are those of Syncs, by their names.
type fleets map[string]*fleet

// sight follows what is played.
func (f fleets) sight(*rest.Config) (page.Sight, error) {
	return page.Sight{Stop: func() {}, Follow: func(s *api.Sync) (follow.Follower, error) { return f[s.Name], nil }}, nil
}
