package html

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// one is a Sync with a name, and with something about it.
func one(name string, change func(s *api.Sync)) Row {
	s := fleetSync()
	s.Name = name
	s.Status.Held = api.HeldCommits{}
	if change != nil {
		change(s)
	}
	return RowOf(s, page().Now)
}

func inState(state api.CommitState, message string) func(s *api.Sync) {
	return func(s *api.Sync) {
		s.Status.InFlight.State, s.Status.Summary.State, s.Status.Summary.Message = state, state, message
		s.Status.InFlight.Nodes = api.NodeCounts{Desired: 12, Updated: 12, Settled: 9}
		s.Status.InFlight.Pruned = state == api.Complete
	}
}

func condition(kind string, status metav1.ConditionStatus, message string) func(s *api.Sync) {
	return func(s *api.Sync) {
		inState(api.Complete, "")(s)
		s.Status.Conditions = append(s.Status.Conditions[:0:0], metav1.Condition{Type: kind, Status: status, Message: message})
		if kind != api.ConditionSource {
			s.Status.Conditions = append(s.Status.Conditions, metav1.Condition{Type: api.ConditionSource, Status: metav1.ConditionTrue})
		}
	}
}

func listPage(t testing.TB, rows []Row, f Filter) element {
	return parsed(t, written(t, func(b *bytes.Buffer) error { return Syncs(b, page(), rows, f) }))
}

// names are the Syncs of a page in their order.
func names(p element) string {
	var list []string
	for _, table := range p.tags("table") {
		for _, row := range table.cells() {
			list = append(list, strings.TrimPrefix(row[1], "logging/ "))
		}
	}
	return strings.Join(list, " ")
}

// Who opens the page sees first what somebody has to do something about, then what is on its way, and last what is well.
func TestWhatIsStuckComesFirst(t *testing.T) {
	rows := []Row{
		one("h-complete", inState(api.Complete, "all is well")),
		one("g-never", func(s *api.Sync) { s.Status = api.SyncStatus{} }),
		one("f-suspended", func(s *api.Sync) { inState(api.Complete, "")(s); s.Spec.Suspend = true }),
		one("e-waits", func(s *api.Sync) { inState(api.Complete, "")(s); s.Status.Held.Count = 3 }),
		one("d-rolling", inState(api.RollingOut, "9 of 12 nodes settled")),
		one("c-unread", condition(api.ConditionSource, metav1.ConditionFalse, "no route to host")),
		one("b-unwell", condition(api.ConditionHealthy, metav1.ConditionFalse, "CrashLoop")),
		one("a-stalled", condition(api.ConditionStalled, metav1.ConditionTrue, "relapsed")),
		one("a-stuck", inState(api.Stuck, "CrashLoop on 3 of 12 nodes")),
	}
	p := listPage(t, rows, Filter{})
	if got := names(p); got != "a-stalled a-stuck b-unwell g-never c-unread d-rolling e-waits f-suspended h-complete" &&
		got != "a-stalled a-stuck b-unwell c-unread d-rolling e-waits f-suspended g-never h-complete" {
		t.Error(got)
	}
	p.id(t, "said-syncs").says(t, "2 of 9 Syncs need somebody")
	p.id(t, "rows").says(t, "✗ Stuck logging/ a-stuck bbbbbbb 9/12", "CrashLoop on 3 of 12 nodes",
		"the repository cannot be polled: no route to host", "suspended", "no commit logging/ g-never",
		"the repository has not been polled yet; is the controller running?", "9 of 12 nodes settled")
	if title := p.tags("title")[0].text(); !strings.HasPrefix(title, "✗ Syncs") {
		t.Errorf("the tab says %q", title)
	}
}

// The filter is an address, which finds by words, by namespace and by state, and the form has what was asked for.
func TestSyncsAreFiltered(t *testing.T) {
	rows := []Row{one("one", inState(api.Stuck, "CrashLoop on 3 of 12 nodes")), one("two", inState(api.Complete, "")),
		one("three", func(s *api.Sync) { s.Namespace = "other" }), one("four", func(s *api.Sync) { s.Spec.Suspend = true })}
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{Text: " crashLOOP "}, "one"}, {Filter{Namespace: "logging", State: "Complete"}, "two"},
		{Filter{Namespace: "other"}, "other/ three"}, {Filter{State: "Suspended"}, "four"}, {Filter{Text: "other/th"}, "other/ three"},
		{Filter{Text: "bbbbbbb", State: "Stuck"}, "one"}, {Filter{Text: "none such"}, ""},
	} {
		p := listPage(t, rows, c.filter)
		if got := names(p); got != c.want {
			t.Errorf("%+v: %q", c.filter, got)
		}
		if got := p.tags("input")[0].attr("value"); got != c.filter.Text {
			t.Errorf("%+v: the form has %q", c.filter, got)
		}
		for _, chosen := range p.all(func(e element) bool {
			return e.Data == "option" && strings.Contains(fmt.Sprint(e.Attr), "selected")
		}) {
			if text := chosen.text(); text != c.filter.Namespace && text != c.filter.State {
				t.Errorf("%+v: %s is chosen", c.filter, text)
			}
		}
	}
	listPage(t, rows, Filter{Text: "none such"}).id(t, "rows").says(t, "No Sync is like that.", "Show all 4")
}

// In a cluster without a Sync the page says how the first one is made.
func TestAnEmptyClusterSaysHowToBegin(t *testing.T) {
	p := listPage(t, nil, Filter{})
	p.id(t, "rows").says(t, "There is no Sync yet that you may see.", "daemongate create sync node-agents --url")
	if n := len(p.tags("form")) + len(p.tags("table")); n != 0 {
		t.Errorf("%d forms and tables of nothing", n)
	}
}

// Every page says the Syncs of which namespaces it shows: an empty one may be of the wrong one.
func TestAPageSaysOfWhichNamespaceItIs(t *testing.T) {
	around := page()
	around.Of = "namespace logging"
	for name, p := range map[string]element{
		"the list": parsed(t, written(t, func(b *bytes.Buffer) error { return Syncs(b, around, nil, Filter{}) })),
		"no page":  parsed(t, written(t, func(b *bytes.Buffer) error { return Problem(b, around, "Not found", "no", "do") })),
	} {
		if bar := p.tags("header")[0].text(); !strings.Contains(bar, "namespace logging") {
			t.Errorf("%s: %s", name, bar)
		}
	}
}

// A thousand Syncs are a thousand rows, those that are stuck at the top.
func TestAThousandSyncs(t *testing.T) {
	var rows []Row
	for i := range 1000 {
		state := api.Complete
		if i%100 == 99 {
			state = api.Stuck
		}
		rows = append(rows, one(fmt.Sprintf("agents-%03d", i), inState(state, "")))
	}
	p := listPage(t, rows, Filter{})
	if got := strings.Fields(names(p)); len(got) != 1000 || got[0] != "agents-099" || got[9] != "agents-999" || got[10] != "agents-000" {
		t.Errorf("%d rows, the first %v", len(got), got[:11])
	}
	p.id(t, "rows-caption").says(t, "1000 Syncs, what is stuck first")
}

// A state's age is that of the state: when it was complete, when it got stuck.
func TestHowLongAStateHasLasted(t *testing.T) {
	done := at(-2 * time.Hour)
	if r := one("a", func(s *api.Sync) { inState(api.Complete, "")(s); s.Status.InFlight.Completed = &done }); !r.Since.Equal(done.Time) {
		t.Errorf("complete since %s", r.Since)
	}
	if r := one("a", func(s *api.Sync) {
		inState(api.Stuck, "")(s)
		s.Status.History[2].State, s.Status.History[2].Since = api.Stuck, at(time.Minute)
	}); !r.Since.Equal(noon.Add(time.Minute)) {
		t.Errorf("stuck since %s", r.Since)
	}
}
