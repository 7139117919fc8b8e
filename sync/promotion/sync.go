package promotion

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// RulesOf are the rules of a Sync's spec.gate.after. find returns a Sync of its namespace by its name, nil if there is
// none.
func RulesOf(s *api.Sync, find func(name string) *api.Sync) []Rule {
	var rules []Rule
	for _, a := range s.Spec.Gate.After {
		r := Rule{Before: Before{Name: "Sync " + a.Sync}, Soak: a.Soak.Duration}
		switch before := find(a.Sync); {
		case a.Sync == s.Name:
			r.Trouble = "is this one: take it out of spec.gate.after"
		case before == nil:
			r.Trouble = "does not exist"
		default:
			r.Before = OfSync(before)
		}
		rules = append(rules, r)
	}
	return rules
}

// OfSync is what a Sync's status says of those who wait for it.
func OfSync(s *api.Sync) Before {
	b := Before{Name: "Sync " + s.Name, Words: map[string]Word{}}
	for _, r := range s.Status.History {
		b.Words[r.Commit] = Word{State: r.State, By: r.By, Outcome: r.Outcome, Since: r.Since.Time,
			Relapsed: r.Relapsed}
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
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, nil
	}
	list, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "gate", "after")
	after, _ := list.([]any)
	var keys []string
	for _, one := range after {
		if a, _ := one.(map[string]any); a != nil {
			keys = append(keys, fmt.Sprintf("%s/%v", u.GetNamespace(), a["sync"]))
		}
	}
	return keys, nil
}
