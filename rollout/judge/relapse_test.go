package judge

import (
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
)

// After Complete it is a relapse when containers keep ending on more nodes than may fail: not at the first end, not for
// a node that goes, and not while too few do.
func TestWhatARelapseIs(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.options.FailureBudget, _ = rollout.ParseBudget("1")
	nodes := []string{"node-1", "node-2", "node-3"}
	f.roll(nodes...)
	f.after(time.Minute).want(rollout.Complete)
	says := func() string {
		j := f.judge()
		relapsed, is := Relapsed(j, f.options)
		if is == Recovered(j, f.options) && is {
			t.Errorf("both relapsed and recovered\n%s", plain(j))
		}
		if !is {
			return ""
		}
		return report.Summarize([]rollout.Judgement{relapsed})
	}
	end := func(names ...string) {
		for _, n := range names {
			f.ready(f.ends(f.pod(n), 1, "Error"))
		}
		f.after(5 * time.Second)
	}
	f.setReady("node-1", false)
	f.setReady("node-2", false)
	f.judge()
	f.after(time.Minute)
	if got := says(); got != "" {
		t.Errorf("two nodes that go: %q", got)
	}
	f.setReady("node-1", true)
	f.setReady("node-2", true)
	end(nodes...)
	if got := says(); got != "" {
		t.Errorf("at the first end: %q", got)
	}
	end("node-1")
	if got := says(); got != "" {
		t.Errorf("on as many nodes as may fail: %q", got)
	}
	end("node-2")
	// the third shows it as well
	if got, want := says(), "CrashLoop on 3 of 3 nodes: container agent, exit code 1"; got != want {
		t.Errorf("on two: %q, want %q", got, want)
	}
	if f.after(30 * time.Second); says() == "" || Recovered(f.judge(), f.options) {
		t.Error("that they run just now is no recovery")
	}
	f.gone("node-1")
	f.gone("node-2")
	if j := f.judge(); Recovered(j, f.options) {
		t.Errorf("that they are gone is no recovery\n%s", plain(j))
	}
	f.ready(f.newPod("node-1"))
	if f.after(time.Minute); !Recovered(f.judge(), f.options) || says() != "" {
		t.Errorf("two of three have settled\n%s", plain(f.judge()))
	}
}

// A single node is no relapse where more than one may fail, although nothing but that node is left to wait for.
func TestOneNodeIsNoRelapseWithinTheBudget(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.options.FailureBudget, _ = rollout.ParseBudget("1")
	f.roll("node-1", "node-2", "node-3")
	f.after(time.Minute).want(rollout.Complete)
	for range 3 {
		f.ready(f.ends(f.pod("node-1"), 1, "Error"))
		f.after(5 * time.Second)
	}
	if _, is := Relapsed(f.want(rollout.Stuck, rollout.CrashLoop), f.options); is {
		t.Error("it is")
	}
}
