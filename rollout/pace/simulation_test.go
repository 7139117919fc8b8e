package pace

import (
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// An agent dies on every node that it comes to, after half a second, 40 seconds or 20 minutes. Paced, it is lost on no
// more nodes than the canary has, however many there are and however long it takes to die; a rolling update of the same
// maxUnavailable that the brake stops loses more, and all of them if the agent lives for longer than the rollout takes.
// The times are simulated.
func TestACanaryIsAllThatADyingAgentCosts(t *testing.T) {
	const canaries = 3
	fleets := []int{120, 5000}
	if testing.Short() || os.Getenv("DAEMONGATE_TEST_ALL") == "" {
		fleets = fleets[:1]
	}
	for _, nodes := range fleets {
		for _, life := range []time.Duration{time.Second / 2, 40 * time.Second, 20 * time.Minute} {
			paced, rolled := simulated(t, nodes, "10%"), simulated(t, nodes, "10%")
			paced.lives["v2"], rolled.lives["v2"] = life, life
			paced.goPaced(90 * time.Minute)
			rolled.goRolling(90 * time.Minute)
			t.Logf("%d nodes, 10%% at a time, an agent that dies after %s: lost on %d paced (canary of %d, 30 min), on %d "+
				"rolling, with the brake", nodes, life, len(paced.lost), canaries, len(rolled.lost))
			if len(paced.lost) == 0 || len(paced.lost) > canaries {
				t.Errorf("paced: lost on %d nodes: %+v", len(paced.lost), paced.last)
			}
			if len(rolled.lost) <= canaries {
				t.Errorf("rolling: lost on %d nodes: that proves nothing", len(rolled.lost))
			}
		}
	}
}

// simulated is a fleet of three zones with three canaries.
func simulated(t testing.TB, nodes int, maxUnavailable string) *world {
	w := newWorld(t, nodes, 3)
	w.plan = Plan{MaxUnavailable: percent(maxUnavailable), Stages: []Stage{
		{Name: "canary", Nodes: selector("canary=yes"), AtMost: 3, Soak: 30 * time.Minute},
		{Name: "zone", Each: "zone"},
	}}
	return w
}

// overlapping is such a fleet whose zones overlap.
func overlapping(t testing.TB, nodes int, maxUnavailable string) *world {
	w := simulated(t, nodes, maxUnavailable)
	w.plan.Stages[1].Overlap = true
	return w
}

// canaryToo is such a fleet that does not wait for its canary to have settled either.
func canaryToo(t testing.TB, nodes int, maxUnavailable string) *world {
	w := overlapping(t, nodes, maxUnavailable)
	w.plan.Stages[0].Overlap = true
	return w
}

// goPaced rolls a commit out by what Decide says, until that is done or a time has passed. It returns how many looks it
// took, and how long they and what was decided by them took, without the played cluster.
func (w *world) goPaced(most time.Duration) (looks int, took time.Duration) {
	w.commit("v2")
	for end := w.now.Add(most); w.now.Before(end); looks++ {
		began := time.Now()
		o := Decide(w.input())
		took += time.Since(began)
		w.progress, w.last = o.Progress, o
		w.carryOut(o)
		if o.Done {
			return looks, took
		}
		w.step(end, o.Wake)
	}
	return looks, took
}

// goRolling has the DaemonSet controller roll a commit out by itself, until every node has settled or a time has passed.
// The brake is pulled as soon as the judge advises it.
func (w *world) goRolling(most time.Duration) {
	s := w.sets[0]
	s.rolling = true
	s.ds = s.ds.DeepCopy()
	s.ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: w.plan.MaxUnavailable, MaxSurge: new(intstr.IntOrString)}}
	w.commit("v2")
	s.target.OnDelete = false
	for end := w.now.Add(most); w.now.Before(end); {
		w.input()
		s.braked = s.braked || s.judgement.Brake == rollout.BrakePull
		if s.judgement.Verdict == rollout.Complete && len(w.lives) == 0 {
			return
		}
		w.step(end, time.Time{})
	}
}

// step goes to the next instant at which something happens, or at which something changes by time alone.
func (w *world) step(end, wake time.Time) {
	w.after(0)
	next := end
	if at, due := w.next(); due && at.Before(next) {
		next = at
	}
	for _, at := range append([]time.Time{wake}, wakes(w)...) {
		if at.After(w.now) && at.Before(next) {
			next = at
		}
	}
	w.after(fact.Latest(next, w.now.Add(time.Millisecond)).Sub(w.now))
}

func wakes(w *world) (list []time.Time) {
	for _, s := range w.sets {
		list = append(list, s.judgement.Wake)
	}
	return list
}

// A paced rollout of 5,000 nodes without soak, a canary and a zone after the other, against a rolling update with the
// same maxUnavailable: how long it takes, in simulated time, and what share of a core the looks and decisions of it are
// of that time. A node takes 20 to 40 s for its pod.
func BenchmarkPace(b *testing.B) {
	fleets := map[string]func(testing.TB, int, string) *world{"one-by-one": simulated, "overlapping": overlapping,
		"overlapping-canary-too": canaryToo}
	for _, c := range []struct{ zones, maxUnavailable string }{
		{"one-by-one", "2%"}, {"one-by-one", "10%"}, {"overlapping", "2%"}, {"overlapping", "5%"}, {"overlapping", "10%"},
		{"overlapping-canary-too", "10%"},
	} {
		b.Run("zones="+c.zones+"/maxUnavailable="+c.maxUnavailable, func(b *testing.B) {
			var wall, cores, each float64
			for b.Loop() {
				rolled, paced := simulated(b, 5000, c.maxUnavailable), fleets[c.zones](b, 5000, c.maxUnavailable)
				rolled.jitter, paced.jitter, paced.plan.Stages[0].Soak = true, true, 0
				began := rolled.now
				rolled.goRolling(10 * time.Hour)
				looks, took := paced.goPaced(10 * time.Hour)
				if !paced.last.Done || paced.has("v1") != "" {
					b.Fatalf("%+v", paced.last)
				}
				wall += float64(paced.now.Sub(began)) / float64(rolled.now.Sub(began))
				cores += float64(took) / float64(paced.now.Sub(began))
				each += float64(took.Milliseconds()) / float64(looks)
			}
			b.ReportMetric(wall/float64(b.N), "of-rolling-wall-time")
			b.ReportMetric(cores/float64(b.N), "cores")
			b.ReportMetric(each/float64(b.N), "ms/look")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// One decision on 5,000 nodes, by what the judge has said of them already.
func BenchmarkDecide(b *testing.B) {
	w := simulated(b, 5000, "10%")
	w.commit("v2")
	w.decide()
	w.after(time.Second)
	in := w.input()
	b.ReportAllocs()
	for b.Loop() {
		Decide(in)
	}
}
