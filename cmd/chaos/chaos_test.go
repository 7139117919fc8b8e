package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// Three runs on one cluster, each with two controllers, in which those that write die, stand still or are heard late, and
// all around them fails: no law is broken. `make chaos` plays 200 more, in which the controllers' clocks are moved, too.
func TestNoLawIsBrokenWhateverFails(t *testing.T) {
	cluster := clustertest.Start(t, theCluster)
	s, err := newStage(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "daemongate")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, "../daemongate").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Run("runs", func(t *testing.T) {
		for seed, faults := range [][]fault{
			{{killAfter, 3, "", 0, 0}, {gitDown, 26, "", 2 * time.Second, 0}, {late, 30, "", stop, 0}},
			{{killAfter, 1, ofMirror, 0, 0}, {restartAPI, 22, "", 0, 0}, {stopAfter, 2, ofSet, stop, 0}},
			{{killBefore, 6, "", 0, 0}, {moveDate, 12, "", 2 * time.Second, time.Hour},
				{cutWatches, 18, "", 0, 0}, {killAfter, 1, ofDeletion, 0, 0}},
		} {
			p := plan{seed: seed + 1, faults: faults, commits: short()}
			t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
				t.Parallel()
				t.Log(p)
				o, err := s.run(t.Context(), p, t.TempDir(), t.Output(), binary)
				if err != nil {
					t.Error(err)
				}
				for _, v := range o.found {
					t.Error(v)
				}
			})
		}
	})
}

// short is a story that does not take long: each commit comes when the one before it has settled, but for the second one
// and the one that is rewritten.
func short() (chosen []commit) {
	for _, c := range everything() {
		if c.subject != unchanged && c.subject != "data" {
			c.wait = c.subject != "v2" && !c.rewrite
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// 200 seeds go through every death and every pause of who writes, at every one of 100 steps, and through all
// that may fail around it. The same seed is the same plan.
func TestSeedsGoThroughEverything(t *testing.T) {
	first, around := map[string]bool{}, map[kind]int{}
	for seed := 1; seed <= 200; seed++ {
		p := newPlan(seed)
		if newPlan(seed).String() != p.String() {
			t.Errorf("seed %d is not one plan: %s, %s", seed, p, newPlan(seed))
		}
		for i, f := range p.faults {
			if f.of == "" {
				first[fmt.Sprint(f.kind, f.step)] = true
			} else {
				first[fmt.Sprint(f.kind, f.of)] = true
			}
			around[f.kind]++
			if i > 0 && p.faults[i-1].step > f.step {
				t.Errorf("%s is not in order", p)
			}
		}
		if last := p.commits[len(p.commits)-1]; last.subject != "last" {
			t.Errorf("%s ends with %s", p, last.subject)
		}
	}
	goThrough(t, first)
	for k, n := range around {
		if n < 20 {
			t.Errorf("%s is in %d plans", k, n)
		}
	}
	if len(around) != 10 {
		t.Errorf("there are %d kinds", len(around))
	}
}

// goThrough holds that all that happens to who writes does so at each number and at each kind of step.
func goThrough(t *testing.T, first map[string]bool) {
	t.Helper()
	for _, k := range ofTheWriter {
		for step := 1; step <= 2*steps; step++ {
			if !first[fmt.Sprint(k, step)] {
				t.Errorf("%s at step %d is in no plan", k, step)
			}
		}
		for _, s := range everyStep {
			if !first[fmt.Sprint(k, s)] {
				t.Errorf("%s at a step of %s is in no plan", k, s)
			}
		}
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "3") // runs mostly wait
	clustertest.Quiet()
	_ = os.Setenv("GIT_CONFIG_GLOBAL", os.DevNull) // children must not read the configuration of who runs them
	os.Exit(m.Run())
}
