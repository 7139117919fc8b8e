package page_test

import (
	"context"
	"fmt"
	gosync "sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/kept"
	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// told is what clusters have told of the commits of one repository.
type told struct {
	mu      gosync.Mutex
	fleet   kept.Fleet
	changed chan struct{}
}

// newTold is a repository of which no cluster has told anything.
func newTold() *told {
	t := &told{changed: make(chan struct{}), fleet: kept.Fleet{Repository: "https://git.example.com/platform/fleet.git"}}
	for i, subject := range []string{"Enable the new parser", "Fluentd 1.17", "Raise the buffer's limit, which was too " +
		"small for the nodes of the training pool", "Labels", "Ship fluentd v5"} {
		t.fleet.Commits = append(t.fleet.Commits, gitsource.Commit{Hash: hash(fmt.Sprintf("%x", 14-i)), Subject: subject})
	}
	return t
}

// say has a cluster tell what became of a commit, by its place on the branch.
func (t *told) say(cluster string, commit int, state api.CommitState, message string) *told {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fleet.Said = append(t.fleet.Said[:len(t.fleet.Said):len(t.fleet.Said)], forge.Said{Cluster: cluster,
		Status: forge.Status{Commit: t.fleet.Commits[commit].Hash, Description: message, Time: time.Now().Add(-12 * time.Minute),
			Details: forge.Details{Sync: "logging/agents", State: string(state)}}})
	close(t.changed)
	t.changed = make(chan struct{})
	return t
}

// clusters has so many tell: most are done, some are stuck, wait, or are far behind.
func (t *told) clusters(n int) *told {
	regions := []string{"canary", "eu", "us", "ap"}
	for i := range n {
		name := regions[i%len(regions)]
		if n > 4 {
			name = fmt.Sprintf("%s-%03d", name, i)
		}
		switch {
		case i%10 == 1:
			t.say(name, 1, api.Stuck, "Stuck: CrashLoop on 2 of 12 nodes: container fluentd, exit code 3; brake pulled")
			t.say(name, 2, api.Complete, "Complete: 12 nodes")
		case i%10 == 2:
			t.say(name, 0, api.Held, "Held: no window is open; opens Mon 22:00").say(name, 1, api.Complete, "Complete: 12 nodes")
		default:
			t.say(name, 0, api.Complete, "Complete: 3 nodes").say(name, 1, api.Carried, "rolled out as part of it")
		}
	}
	return t
}

// Of is what was told, as it is read now.
func (t *told) Of(_ context.Context, _ *api.Sync, most int) kept.Fleet {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.fleet
	f.Commits, f.Read = f.Commits[:min(most, len(f.Commits))], time.Now()
	return f
}

// Changed is closed with the next word.
func (t *told) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// columns says whether the Syncs have a column each: yes, no, or both, which must not be.
const columns = `(() => { const seen = (s) => { const e = document.querySelector(s); return !!e && e.checkVisibility(); };
	const each = seen("#fleet-commits .roomy table"), counts = seen("#fleet-commits .tight table");
	return each && counts ? "both" : each ? "yes" : counts ? "no" : "none" })()`

// brokenWords are the headings of columns with numbers that have more lines than words.
const brokenWords = `[...document.querySelectorAll("table thead th.n, table thead th:first-child")].filter(e => e.checkVisibility() &&
	e.getBoundingClientRect().height > 1.9 * parseFloat(getComputedStyle(e).fontSize) * 1.5 * e.textContent.trim().split(/\s+/).length)
	.map(e => e.textContent).join(", ")`

// A fleet of 3, 30 and 300 clusters looks right on a wide and on a narrow window, in the light and in the dark: where there
// is no room for a column each the page counts, and axe-core finds nothing.
func TestAFleetLooksRight(t *testing.T) {
	t.Parallel()
	for n, texts := range map[int][]string{
		3:   {"1 needs somebody", "3 Syncs in 3 clusters, 2 behind the newest commit", "brake pulled", "opens Mon 22:00"},
		30:  {"3 need somebody", "30 Syncs in 30 clusters", "24 Syncs Complete at eeeeeee", "List them, too"},
		300: {"30 need somebody", "300 Syncs in 300 clusters", "240 Syncs Complete at eeeeeee"},
	} {
		w := newWorld(t, fleets{}, newSync("agents"))
		w.told.clusters(n)
		tab := w.tab(t, browsertest.Look{})
		w.open(t, tab, "/syncs/logging/agents/fleet")
		for _, look := range []browsertest.Look{desk, phone, {Width: 1280, Height: 900, Forced: true}} {
			check(t, tab, shown{"", texts, ""}, look)
			want := map[bool]string{true: "yes", false: "no"}[n == 3 && look.Width > 1000]
			var is string
			if tab.Eval(columns, &is); is != want {
				t.Errorf("%d clusters in a window %d wide have a column each: %s, not %s", n, look.Width, is, want)
			}
			var broken string
			if tab.Eval(brokenWords, &broken); broken != "" {
				t.Errorf("%d clusters in a window %d wide: these headings are broken within a word: %s", n, look.Width, broken)
			}
		}
		tab.Change(browsertest.Look{Width: 1280, Height: 900})
		w.open(t, tab, "/syncs/logging/agents/fleet?commit=dddd")
		check(t, tab, shown{"", []string{"has taken over on", "Where ddddddd is"}, ""}, desk, phone)
	}
}

// The filters are a form, which works by keys and without scripts.
func TestAFleetIsFilteredWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleets{}, newSync("agents"))
	w.told.clusters(3)
	plain := w.tab(t, browsertest.Look{NoScript: true})
	plain.Click(`header a[href="/fleet"]`)
	plain.UntilText("Without scripts this page does not follow what happens", "3 Syncs, what needs somebody first")
	plain.Click(`input[name="stuck"]`)
	plain.Click(`form.filter button`)
	plain.UntilText("1 of 3 Syncs", "brake pulled")
	plain.Click(`input[name="cluster"]`)
	plain.Eval(`document.activeElement.value = "us"`, nil)
	plain.Press("Enter")
	plain.UntilText("No Sync is like that")
}
