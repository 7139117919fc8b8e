package promotion

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// RulesOf are the rules of a Sync's spec.gate.after. find returns a Sync of its namespace by its name, nil if there is
// none; own is the name of this cluster, and others says what was heard of other ones through an entry's channel.
func RulesOf(s *api.Sync, find func(name string) *api.Sync, own string, others func(api.After) Clusters) []Rule {
	var rules []Rule
	for _, a := range s.Spec.Gate.After {
		r := Rule{Before: Before{Name: "Sync " + a.Sync}, Soak: a.Soak.Duration}
		before := find(a.Sync)
		switch {
		case a.Cluster != "":
			r.Clusters = clusterRule(a, own, others(a))
		case a.Sync == s.Name:
			r.Trouble = "is this one: take it out of spec.gate.after"
		case before == nil:
			r.Trouble = "does not exist"
		default:
			r.Before = OfSync(before)
			if way := circle(s.Name, before, find); way != "" {
				r.Trouble = api.Public("waits for this one in turn (" + way + ")" + breakCircle)
			}
		}
		rules = append(rules, r)
	}
	return rules
}

// breakCircle is what to do about those who wait for each other.
const breakCircle = ": take one of them out of spec.gate.after"

// clusterRule is the rule of an entry about clusters.
func clusterRule(a api.After, own string, others Clusters) *ClusterRule {
	r := &ClusterRule{Pattern: a.Cluster, Sync: a.Sync, Count: max(1, int(a.Count)), Budget: int(a.FailureBudget),
		Soak: a.Soak.Duration, Where: "in this repository", own: own, clusters: others}
	if a.Channel == api.ChannelStatuses {
		r.Where = "in the statuses of the commits that wait"
	}
	if a.Verify != nil {
		r.Signers = a.Verify.SecretRef.Name
	}
	return r
}

// circle is the way by which a Sync that one waits for waits for that one; empty if it does not.
func circle(name string, before *api.Sync, find func(name string) *api.Sync) string {
	seen := map[string]bool{}
	var from func(s *api.Sync) []string
	from = func(s *api.Sync) []string {
		if s == nil || seen[s.Name] {
			return nil
		}
		seen[s.Name] = true
		for _, a := range s.Spec.Gate.After {
			if a.Cluster != "" {
				continue
			}
			if a.Sync == name {
				return []string{s.Name, name}
			}
			if way := from(find(a.Sync)); way != nil {
				return append([]string{s.Name}, way...)
			}
		}
		return nil
	}
	way := from(before)
	if way == nil {
		return ""
	}
	return strings.Join(append([]string{name}, way...), " waits for ")
}

// OfSync is what a Sync's status says of those who wait for it.
func OfSync(s *api.Sync) Before {
	b := Before{Name: "Sync " + s.Name, Words: map[string]Word{}}
	for _, r := range s.Status.History {
		b.Words[r.Commit] = Word{State: r.State, By: r.By, Outcome: r.Outcome, Since: r.Since.Time,
			Told: r.Since.Time, Relapsed: r.Relapsed}
	}
	switch f := s.Status.InFlight; {
	case f == nil:
	case f.State == api.Stuck:
		b.Trouble = api.Public(fmt.Sprintf("is stuck at %s", api.Short(f.Commit)))
	case f.Relapse != nil:
		b.Trouble = api.Public(fmt.Sprintf("has relapsed at %s", api.Short(f.Commit)))
	case s.Status.Ailing.Lasting():
		b.Trouble = api.Public(fmt.Sprintf("is no longer well at %s", api.Short(f.Commit)))
	}
	return b
}

// WaitsFor are the keys of the Syncs that one waits for, as an informer holds it.
func WaitsFor(o any) ([]string, error) {
	if s, ok := o.(*api.Sync); ok {
		return waitsFor(s), nil
	}
	u, ok := o.(*unstructured.Unstructured) // one that cannot be read
	if !ok {
		return nil, nil
	}
	list, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "gate", "after")
	after, _ := list.([]any)
	var keys []string
	for _, one := range after {
		if a, _ := one.(map[string]any); a != nil && a["cluster"] == nil {
			keys = append(keys, fmt.Sprintf("%s/%v", u.GetNamespace(), a["sync"]))
		}
	}
	return keys, nil
}

func waitsFor(s *api.Sync) (keys []string) {
	for _, a := range s.Spec.Gate.After {
		if a.Cluster == "" {
			keys = append(keys, s.Namespace+"/"+a.Sync)
		}
	}
	return keys
}
