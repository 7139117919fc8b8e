package gate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// What another tool keeps on an object that was taken from it is told once. The gate's memory says so, so that neither
// another write nor a restart tells it again; what is left over beside it later is.
func TestLeftoversAreToldOnce(t *testing.T) {
	took := func(s gate.State, lefts ...gate.Leftovers) (gate.State, []gate.Leftovers) {
		e := api.InventoryEntry{Kind: "ConfigMap", Namespace: "ns", Name: "config"}
		next, d := gate.Gate{}.Step(s, gate.Observation{Recorded: []gate.Recorded{{InventoryEntry: e,
			Leftovers: lefts}}})
		return next, d.Leftovers
	}
	one := gate.Leftovers{Manager: "tool", Fields: []string{"data.extra"}, Count: 3, Digest: "1"}
	other := gate.Leftovers{Manager: "other", Fields: []string{"data.other"}, Count: 1, Digest: "2"}
	s, told := took(gate.State{}, one)
	if words := gate.LeftoversWords(told); len(words) != 1 ||
		!strings.Contains(words[0], "ConfigMap ns/config: apply.force took fields of it from tool,") ||
		!strings.Contains(words[0], "data.extra and 2 more") {
		t.Errorf("%q", words)
	}
	if s, told = took(*s.DeepCopy(), one); len(told) != 0 {
		t.Errorf("told again: %+v", told)
	}
	if s, told = took(s, one, other); len(told) != 1 || told[0].Manager != "other" ||
		!slices.Equal(s.Leftovers, []string{"1", "2"}) {
		t.Errorf("told %+v, remembered %q", told, s.Leftovers)
	}
}

// However many objects are taken from other tools, memory and words stay bounded.
func TestLeftoversOfManyObjectsAreBounded(t *testing.T) {
	var s gate.State
	var told []gate.Leftovers
	for i := range 3 * gate.MaxToldLeftovers {
		r := gate.Recorded{InventoryEntry: api.InventoryEntry{Kind: "ConfigMap", Name: fmt.Sprint(i)},
			Leftovers: []gate.Leftovers{{Manager: "tool", Count: 1, Digest: fmt.Sprint(i)}}}
		next, d := gate.Gate{}.Step(s, gate.Observation{Recorded: []gate.Recorded{r}})
		s, told = next, append(told, d.Leftovers...)
	}
	if words := gate.LeftoversWords(told); len(s.Leftovers) != gate.MaxToldLeftovers ||
		len(told) != 3*gate.MaxToldLeftovers || len(words) != gate.MostToldOfLeftovers+1 {
		t.Errorf("%d remembered, %d found, %d told", len(s.Leftovers), len(told), len(words))
	}
}
