package plan

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/plan"
)

// addQuotas reads the ResourceQuotas of the DaemonSet's namespace. The rollout is weighed against them: a single pod
// beside the old ones tells little.
func (c *cluster) addQuotas(ctx context.Context, in *plan.Input) {
	var err error
	if in.Quotas, err = c.clients.Quotas(ctx, in.Next.Namespace); err != nil {
		c.unread(in, rollout.KindQuotas, err)
		return
	}
	in.Quotas = withBrought(in.Quotas, c.set, in.Next.Namespace, "")
}

// overQuota is a finding where nobody could read the quotas and no pod goes first.
func (c *cluster) overQuota(in *plan.Input, why string) {
	if len(in.Quotas) == 0 && in.Current == nil {
		in.Refused = append(in.Refused, plan.Refusal{By: byQuota, Why: why,
			Remedy: "Have the quota of the namespace raised, or ask for less."})
	}
}

// withBrought are the quotas of a namespace as a commit leaves them. What is used of them is counted as it is now: of
// one that the commit brings nobody has counted anything. Objects that name no namespace go to the one by default.
func withBrought(
	there []*corev1.ResourceQuota, set manifests.Set, namespace, byDefault string,
) []*corev1.ResourceQuota {
	list := slices.Clone(there)
	for _, o := range set.Objects() {
		id := manifests.IDOf(o)
		if id.Namespace == "" {
			id.Namespace = byDefault
		}
		q := &corev1.ResourceQuota{}
		if id.Kind != "ResourceQuota" || id.Group != "" || id.Namespace != namespace ||
			runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, q) != nil {
			continue
		}
		q.Namespace, q.Status = namespace, corev1.ResourceQuotaStatus{}
		i := slices.IndexFunc(list, func(old *corev1.ResourceQuota) bool { return old.Name == q.Name })
		if i < 0 {
			list = append(list, q)
			continue
		}
		q.Status = list[i].Status
		list[i] = q
	}
	return list
}

// changesRules reports whether more changes of an object than whose it is: its labels, and all but the metadata.
func changesRules(m manifests.Merged) bool {
	live, want := maps.Clone(m.Live.Object), maps.Clone(m.Want.Object)
	for _, o := range []map[string]any{live, want} {
		delete(o, "metadata")
		delete(o, "status")
	}
	was, is := m.Live.GetLabels(), m.Want.GetLabels() // copies
	delete(was, manifests.OwnerLabel)
	delete(is, manifests.OwnerLabel)
	return !maps.Equal(was, is) || !equality.Semantic.DeepEqual(live, want)
}

// noteAdmission names what the commit brings or changes and what admission will go by then: it was asked as it is now.
func (c *cluster) noteAdmission(namespace string) {
	for id, m := range c.merged {
		ofAll := strings.HasPrefix(id.Group, "admissionregistration.")
		ofNamespace := id.Group == "" && (id.Kind == "LimitRange" && id.Namespace == namespace ||
			id.Kind == "Namespace" && id.Name == namespace)
		if !ofAll && !ofNamespace || m.Want == nil || m.Live != nil && !changesRules(m) {
			continue
		}
		c.note("%s: is changed by the commit, and admission was asked as it is now", id)
	}
}
