package sync

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What another tool keeps on an object that was taken from it is told once. The gate's memory says so, so that neither another
// write nor a restart tells it again; what is left over beside it later is.
func TestLeftoversAreToldOnce(t *testing.T) {
	took := func(s State, lefts ...manifests.Leftovers) (State, []Leftovers) {
		e := api.InventoryEntry{Kind: "ConfigMap", Namespace: "ns", Name: "config"}
		next, d := Gate{}.Step(s, Observation{Recorded: []Recorded{{InventoryEntry: e, Leftovers: lefts}}})
		return next, d.Leftovers
	}
	one := manifests.Leftovers{Manager: "tool", Fields: []string{"data.extra"}, Count: 3, Digest: "1"}
	other := manifests.Leftovers{Manager: "other", Fields: []string{"data.other"}, Count: 1, Digest: "2"}
	s, told := took(State{}, one)
	if words := leftoversWords(told); len(words) != 1 || !strings.Contains(words[0], "ConfigMap ns/config: apply.force took fields of it from tool,") ||
		!strings.Contains(words[0], "data.extra and 2 more") {
		t.Errorf("%q", words)
	}
	if s, told = took(*s.DeepCopy(), one); len(told) != 0 {
		t.Errorf("told again: %+v", told)
	}
	if s, told = took(s, one, other); len(told) != 1 || told[0].Manager != "other" || !slices.Equal(s.Leftovers, []string{"1", "2"}) {
		t.Errorf("told %+v, remembered %q", told, s.Leftovers)
	}
}

// However many objects are taken from other tools, memory and words stay bounded.
func TestLeftoversOfManyObjectsAreBounded(t *testing.T) {
	var s State
	var told []Leftovers
	for i := range 3 * maxToldLeftovers {
		r := Recorded{InventoryEntry: api.InventoryEntry{Kind: "ConfigMap", Name: fmt.Sprint(i)}, Leftovers: []manifests.Leftovers{{Manager: "tool", Count: 1, Digest: fmt.Sprint(i)}}}
		next, d := Gate{}.Step(s, Observation{Recorded: []Recorded{r}})
		s, told = next, append(told, d.Leftovers...)
	}
	if words := leftoversWords(told); len(s.Leftovers) != maxToldLeftovers || len(told) != 3*maxToldLeftovers || len(words) != mostToldOfLeftovers+1 {
		t.Errorf("%d remembered, %d found, %d told", len(s.Leftovers), len(told), len(words))
	}
}
