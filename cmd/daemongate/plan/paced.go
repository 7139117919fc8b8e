package plan

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/pace"
	"github.com/daemongate/daemongate/rollout/plan"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/pacing"
)

// paced says which stages a commit would go through, and what of it no stage holds back; nil if the Sync has none.
func (c *cluster) paced(s *api.Sync, plans []plan.Plan) *answer.Paced {
	if s == nil {
		return nil
	}
	asked, err := pacing.PlanOf(s)
	if err != nil {
		c.note("%v", err)
	}
	if asked == nil {
		return nil
	}
	on := map[string]bool{}
	for i := range plans {
		plans[i].Paced = true
		for _, n := range plans[i].Nodes {
			on[n.Name] = true
		}
	}
	nodes := slices.DeleteFunc(slices.Clone(c.nodes), func(n *corev1.Node) bool { return !on[n.Name] })
	p := &answer.Paced{Stages: []answer.Stage{}, AtOnce: c.atOnce()}
	for _, part := range pace.Preview(*asked, nodes, c.clients.Now()) {
		st := answer.Stage{Name: part.Name, Count: len(part.Nodes), Nodes: part.Nodes, Approve: part.Approve,
			Overlap: part.Overlap}
		if part.Soak > 0 {
			st.Soak = part.Soak.String()
		}
		p.Stages = append(p.Stages, st)
	}
	return p
}

// refuseUnpaced tells of the DaemonSets that the Sync would not take because they cannot be paced.
func (c *cluster) refuseUnpaced(s *api.Sync) {
	if s == nil {
		return
	}
	for _, err := range each(pacing.Refuses(s, "", c.set.DaemonSets())) {
		object, why, _ := strings.Cut(err.Error(), ": ")
		c.refused = append(c.refused, answer.Refused{Object: object, Refusal: plan.Refusal{By: "Daemongate", Why: why}})
	}
}

// atOnce names what the commit changes that no stage holds back: all but its DaemonSets. A ConfigMap or Secret that is
// new has a name of its own, which pods get to know by a new template alone.
func (c *cluster) atOnce() []string {
	var list []string
	for _, r := range c.changes() {
		list = append(list, r.String()+", in place: mounted files change on all nodes")
	}
	for _, o := range c.set.Objects() {
		id := manifests.IDOf(o)
		m, asked := c.merged[id]
		if isDaemonSet(id) || isData(id) || asked && m.Live != nil && m.Want != nil && same(m.Live, m.Want) {
			continue
		}
		list = append(list, id.String())
	}
	slices.Sort(list)
	return list
}

func isDaemonSet(id manifests.ID) bool { return id.Group == "apps" && id.Kind == "DaemonSet" }

func isData(id manifests.ID) bool {
	return id.Group == "" && (id.Kind == "ConfigMap" || id.Kind == "Secret")
}

// same reports whether two objects ask for the same, whatever is noted on them.
func same(a, b *unstructured.Unstructured) bool {
	alone := func(o *unstructured.Unstructured) map[string]any {
		fields := map[string]any{}
		for name, value := range o.Object {
			if name != "metadata" && name != "status" {
				fields[name] = value
			}
		}
		return fields
	}
	return equality.Semantic.DeepEqual(alone(a), alone(b))
}
