package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// kind is what happens at a numbered step of the controllers.
type kind string

const (
	// The process whose step it is ends by kill -9.
	killBefore kind = "kill before" // and its request does not reach the API server, or the Git server
	killAfter  kind = "kill after"  // and does not get the answer
	// The process stands still for longer than its Lease lasts, and goes on.
	stopAfter kind = "stop after" // its request has been answered
	late      kind = "late write" // its request reaches the server when another one holds the Lease
	// What is around it fails.
	cutWatches kind = "cut watches"        // all connections of all controllers end
	restartAPI kind = "restart API server" // by kill -9
	pauseEtcd  kind = "pause etcd"
	gitDown    kind = "Git server down"
	// The clock of the machine on which the process runs is set, and set right again later. It stands for a clock that
	// nobody keeps right, and for the moment at which somebody does.
	moveClock kind = "move clock"
	// The API server is taken to be on a machine whose clock is set: the Date of its answers is another one. It stands
	// for clocks of which each goes differently: the controllers' is right, so are the nodes', and it is not.
	moveDate kind = "move the API server's clock"
)

var ofTheWriter = []kind{killBefore, killAfter, stopAfter, late}

var around = []kind{cutWatches, restartAPI, pauseEtcd, gitDown, moveClock, moveDate}

// fault is one thing that goes wrong.
type fault struct {
	kind kind
	step int           // the number of the step at which it happens
	of   step          // if set, among the steps of this kind
	long time.Duration // how long it lasts
	by   time.Duration // how far a clock is moved
}

func (f fault) String() string {
	text := string(f.kind)
	if f.by != 0 {
		text += " by " + f.by.String()
	}
	if f.long != 0 {
		text += " for " + f.long.String()
	}
	if f.of != "" {
		return fmt.Sprintf("%s at %s %d", text, f.of, f.step)
	}
	return fmt.Sprintf("%s at step %d", text, f.step)
}

// plan is what is played: what goes wrong, and which commits are pushed, each when the one before it has settled, or
// after a moment.
type plan struct {
	seed    int
	faults  []fault
	commits []commit
}

// steps is how many steps a run has in each of its halves, at least: from the last commit on, some come by chance.
const steps = 50

// leaseTime is how long the Lease of a run lasts, stop how long a process stands still that shall lose it.
const (
	leaseTime = 3 * time.Second
	stop      = leaseTime + 2*time.Second
)

// newPlan makes the plan of a seed. 200 seeds that follow each other go through all that may happen to who does a step,
// at every numbered step of both halves, and at steps of every kind; around that other things go wrong.
func newPlan(seed int) plan {
	random := rand.New(rand.NewPCG(uint64(seed), 42)) //nolint:gosec // a run that can be repeated is what is wanted
	p := plan{seed: seed, commits: story(random)}
	for half := range 2 {
		kinds := len(ofTheWriter)
		p.faults = append(p.faults, fault{kind: ofTheWriter[(seed-1+half)%kinds],
			step: 1 + (seed-1)/kinds%steps + half*steps})
	}
	p.faults = append(p.faults, fault{kind: ofTheWriter[(seed/len(everyStep)+seed)%len(ofTheWriter)],
		step: 1 + random.IntN(2), of: everyStep[seed%len(everyStep)]})
	for range 1 + random.IntN(3) {
		kinds := slices.Concat(around, around, ofTheWriter)
		f := fault{kind: kinds[random.IntN(len(kinds))], step: 1 + random.IntN(2*steps)}
		if !slices.ContainsFunc(p.faults, func(o fault) bool { return o.of == "" && o.step == f.step }) {
			p.faults = append(p.faults, f)
		}
	}
	for i := range p.faults {
		f := &p.faults[i]
		if f.long = length(f.kind, random); f.kind == moveClock || f.kind == moveDate {
			f.by = distances[random.IntN(len(distances))]
		}
	}
	slices.SortFunc(p.faults, func(a, b fault) int { return a.step - b.step })
	return p
}

// distances are how far clocks are moved.
var distances = []time.Duration{-49 * time.Hour, -time.Hour, -5 * time.Minute, -8 * time.Second, 8 * time.Second,
	5 * time.Minute, time.Hour, 49 * time.Hour}

// length is how long a fault lasts.
func length(k kind, random *rand.Rand) time.Duration {
	switch k {
	case stopAfter, late:
		return stop
	case pauseEtcd:
		if random.IntN(4) == 0 {
			return 30 * time.Second
		}
		return time.Duration(1+random.IntN(5)) * time.Second
	case gitDown, moveDate:
		return time.Duration(1+random.IntN(8)) * time.Second
	case moveClock:
		return time.Duration(1+random.IntN(20)) * time.Second
	}
	return 0
}

func (p plan) String() string {
	var faults, commits []string
	for _, f := range p.faults {
		faults = append(faults, f.String())
	}
	for _, c := range p.commits {
		commits = append(commits, c.subject)
	}
	return fmt.Sprintf("seed %d: %s; commits: %s", p.seed, strings.Join(faults, ", "), strings.Join(commits, ", "))
}
