package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/cmd/scale/growth"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

func TestMain(m *testing.M) {
	clustertest.Quiet()
	m.Run()
}

// A small rehearsal goes through, and measures something of everything: Syncs of two repositories, and nodes with as many
// DaemonSets.
func TestASmallRehearsalMeasuresEverything(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	binary := filepath.Join(t.TempDir(), "daemongate")
	if out, err := exec.Command("go", "build", "-o", binary, "../daemongate").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for what, c := range map[string]struct {
		size    int
		measure func(*rehearsal) func(context.Context, int) ([]growth.Figure, error)
		// mayBeNone are the figures that may be nothing for so few.
		mayBeNone []string
	}{
		"Syncs": {perRepository + 1, func(r *rehearsal) func(context.Context, int) ([]growth.Figure, error) { return r.syncs },
			[]string{"… requests", "nothing happens, a minute: controller, processor s", "… controller, processor ms",
				"… renders, processor s"}},
		"nodes": {3, func(r *rehearsal) func(context.Context, int) ([]growth.Figure, error) { return r.nodes }, nil},
		"objects": {20, func(r *rehearsal) func(context.Context, int) ([]growth.Figure, error) { return r.objects },
			[]string{"… renders, processor s", "… of a render, MB"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := &rehearsal{binary: binary, out: t.Output(), log: t.Output(), steady: time.Second, quiet: 2 * time.Second,
				pushes: 3}
			figures, err := c.measure(r)(t.Context(), c.size)
			if err != nil {
				t.Fatal(err)
			}
			none := map[string]bool{}
			for _, name := range c.mayBeNone {
				none[name] = true
			}
			for _, f := range figures {
				if len(f.Values) != 1 || f.Values[0] < 0 || f.Values[0] == 0 && !none[f.Name] {
					t.Errorf("%s: %v", f.Name, f.Values)
				}
			}
		})
	}
}

// What grows more than it may is said, beside the table of all.
func TestGrowthIsJudged(t *testing.T) {
	out := &strings.Builder{}
	r := &rehearsal{out: out}
	exceeded, err := r.grow(t.Context(), "Syncs", []int{1, 10}, func(_ context.Context, n int) ([]growth.Figure, error) {
		size := float64(n)
		return []growth.Figure{{Name: "flat", Values: []float64{1}, Limit: none}, {Name: "steep", Values: []float64{size * size},
			Limit: sized}}, nil
	})
	if err != nil || len(exceeded) != 1 || !strings.HasPrefix(exceeded[0], "steep") {
		t.Errorf("%q, %v", exceeded, err)
	}
	for _, word := range []string{"flat", "steep", "2.00", "the machine"} {
		if !strings.Contains(out.String(), word) {
			t.Errorf("%q is not in\n%s", word, out)
		}
	}
}

// Sizes that make no sense are refused, with the variable's name.
func TestSizesAreChecked(t *testing.T) {
	for text, want := range map[string]int{"": 2, "10": 1, "30, 10,20": 3, "none": 0, "0": -1, "a": -1, "10,10": -1} {
		t.Setenv("SCALE_SYNCS", text)
		all, err := sizes("SCALE_SYNCS", "1,2")
		if want < 0 != (err != nil) || err == nil && len(all) != want {
			t.Errorf("%q: %v, %v", text, all, err)
		}
		if err != nil && !strings.Contains(err.Error(), "SCALE_SYNCS="+text) {
			t.Error(err)
		}
	}
}

// The API server's counters are counted without what it is asked whoever is there, and without watches that have ended.
func TestRequestsAreCounted(t *testing.T) {
	a, err := countAsked([]byte(`# HELP apiserver_request_total [STABLE] Counter of apiserver requests
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",resource="configmaps",verb="GET"} 3
apiserver_request_total{code="200",resource="syncs",subresource="status",verb="PATCH"} 4
apiserver_request_total{code="200",resource="leases",verb="PUT"} 100
apiserver_request_total{code="200",resource="",subresource="/metrics",verb="GET"} 100
apiserver_request_total{code="0",resource="configmaps",verb="WATCH"} 100
# TYPE apiserver_request_total_of_another gauge
apiserver_request_total_of_another{resource="configmaps"} 100
# TYPE apiserver_longrunning_requests gauge
apiserver_longrunning_requests{resource="configmaps",verb="WATCH"} 2
apiserver_longrunning_requests{resource="pods",verb="CONNECT"} 100
`))
	if err != nil || a.requests != 7 || a.syncs != 4 || a.watches != 2 {
		t.Errorf("%+v, %v", a, err)
	}
}

// What a process has used is read from the files of proc(5), whatever it is called.
func TestWhatAProcessHasUsedIsRead(t *testing.T) {
	stat := "42 (a ) name) S 1 2 3 4 5 6 7 8 9 10 100 50 300 20 0 0 1 0"
	u, err := usedOf(stat, "Name:\tx\nVmHWM:\t  200000 kB\nVmRSS:\t  100000 kB\nRssAnon:\t   50000 kB\n")
	if err != nil || u.own != 1500*time.Millisecond || u.renders != 3200*time.Millisecond || u.memory != 102.4 ||
		u.peak != 204.8 || u.anonymous != 51.2 {
		t.Errorf("%+v, %v", u, err)
	}
	for _, c := range [][2]string{{"", ""}, {stat, "VmRSS:\t1 kB\n"}, {"1 (x) S 1 2 3", "VmHWM: 1 kB\nVmRSS: 1 kB\nRssAnon: 1 kB\n"}} {
		if u, err := usedOf(c[0], c[1]); err == nil {
			t.Errorf("%q: %+v", c, u)
		}
	}
	if p := pressureOf("some avg10=1.00 avg60=1.00 avg300=1.00 total=1500000\nfull total=2\n"); p != 1500*time.Millisecond {
		t.Error(p)
	}
}

// The time of a child counts while the child lives.
func TestTimeOfChildrenThatLiveCounts(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() })
	clustertest.Until(t, 5*time.Minute, "time of a child that works", func() (string, bool) {
		used := usedByChildren(os.Getpid())
		return used.String(), used > 50*time.Millisecond
	})
}
