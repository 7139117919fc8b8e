package judge

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Many DaemonSets look at the same nodes, which none of them changes, and each sees what becomes of any of them: it
// judges as if it had looked at the cluster for the first time.
func TestDaemonSetsShareTheirNodes(t *testing.T) {
	for seed := range int64(8) {
		r := rand.New(rand.NewSource(seed))
		cluster := &eventful{fleet: newFleet(t, 30), Rand: r}
		was := map[*corev1.Node]string{}
		type looker struct {
			*fleet
			cache  Cache
			judged []told
		}
		all := make([]*looker, 4)
		for i := range all {
			f := newFleet(t, 0)
			f.apply(func(d *appsv1.DaemonSet) {
				d.Name, d.UID = fmt.Sprint("agent-", i), types.UID(fmt.Sprint("ds-", i))
				d.Spec.Template.Spec.NodeSelector = []map[string]string{nil, {"pool": "a"}, {"pool": "b"}, {"pool": "c"}}[i]
			})
			for k := range 10 {
				f.ready(f.newPod(fmt.Sprint("node-", 3*k+i%3+1)))
			}
			all[i] = &looker{fleet: f}
		}
		for range 60 {
			cluster.nodeChanges(cluster.nodes[r.Intn(len(cluster.nodes))].Name)
			for _, n := range cluster.nodes {
				if was[n] == "" {
					was[n] = jsonText(n)
				}
			}
			for _, f := range all {
				f.nodes = cluster.nodes
				l := f.after(time.Second).look()
				j, after := Rollout(l, f.target, f.memory, f.options)
				f.judged = append(f.judged, mustBeAlike(&f.cache, l, f.target, f.memory, f.options, j, after))
				f.memory = after
			}
		}
		for n, text := range was {
			if jsonText(n) != text {
				t.Fatalf("seed %d: a node was changed from\n%s\nto\n%s", seed, text, jsonText(n))
			}
		}
		for _, f := range all {
			for _, one := range f.judged {
				if now := jsonText(one.judgement) + jsonText(one.memory); now != one.text {
					t.Fatalf("seed %d: what a look came to was changed by a later one", seed)
				}
			}
		}
	}
}
