package main

import (
	"context"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/cmd/scale/growth"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// syncs measures so many Syncs.
func (r *rehearsal) syncs(ctx context.Context, n int) ([]growth.Figure, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s, err := r.newStage(ctx, clustertest.Options{Nodes: -1})
	if err != nil {
		return nil, err
	}
	defer s.end()
	f := &fleet{stage: s, n: n}
	if err := f.prepare(ctx); err != nil {
		return nil, err
	}
	m := &measured{objects: float64(n * objects)}
	for _, step := range []struct {
		name string
		do   func(context.Context, *measured) error
		cost *cost
	}{{"first apply", f.first, &m.first}, {"nothing happens", f.rest, &m.steady},
		{"single pushes", f.single, &m.single}, {"a commit for all", f.all, &m.all},
		{"restart", f.restart, &m.restarted}} {
		if err := step.do(ctx, m); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		c := step.cost
		r.say("%d Syncs: %s: %s; processor: controller %.2f s, renders %.2f s; %.0f requests (%s)", n, step.name,
			c.took.Round(10*time.Millisecond), c.own, c.renders, c.requests, c.most)
	}
	r.say("%d Syncs: memory %.0f MB, %.0f at most, %.0f after a commit for all, %.0f after a restart; %.0f goroutines",
		n, m.resting.memory, m.resting.peak, m.afterAll.memory, m.afterRestart.memory, m.resting.goroutines)
	return m.figures(), nil
}

// measured is what is measured of many Syncs.
type measured struct {
	objects                               float64
	first, all, steady, single, restarted cost
	firstIn, allFirstIn, allIn            time.Duration
	pushes                                []time.Duration // to their first write
	resting, afterAll, afterRestart       moment
	watches                               float64 // of the controller
}

func (m *measured) figures() []growth.Figure {
	one := func(name string, value, least, limit float64) growth.Figure {
		return growth.Figure{Name: name, Values: []float64{value}, Least: least, Limit: limit}
	}
	second := tick.Seconds()
	pushes := float64(max(1, len(m.pushes)))
	return []growth.Figure{
		one("first apply of all: until all are Complete, s", m.first.took.Seconds(), second, 0),
		one("… until the first is, s", m.firstIn.Seconds(), second, 0),
		one("… controller, processor s", m.first.own, second, sized),
		one("… renders, processor s", m.first.renders, second, sized),
		one("… requests for each object", m.first.requests/m.objects, second, 0),
		one("nothing happens, a minute: controller, processor s", m.steady.own*perMinute(m.steady), second, sized),
		one("… requests", m.steady.requests*perMinute(m.steady), aMinute, none),
		one("… memory, MB", m.resting.memory, 1, sized),
		one("… that are no pages of its program, MB", m.resting.anonymous, 1, sized),
		one("… goroutines", m.resting.goroutines, 1, sized),
		one("… open watches", m.watches, 1, sized),
		one("one object changes: push to its write, p50, ms", milliseconds(growth.Quantile(m.pushes, 0.5)), 1, 0),
		one("… p99, ms", milliseconds(growth.Quantile(m.pushes, 0.99)), 1, 0),
		one("… controller, processor ms", 1000*m.single.own/pushes, 1, sized),
		one("… requests", m.single.requests/pushes, 1, none),
		one("a commit for every Sync: until all are Complete, s", m.allIn.Seconds(), second, 0),
		one("… until the first is, s", m.allFirstIn.Seconds(), second, 0),
		one("… controller, processor s", m.all.own, second, sized),
		one("… renders, processor s", m.all.renders, second, sized),
		one("… requests for each object", m.all.requests/m.objects, second, 0),
		one("… memory when it is calm again, MB", m.afterAll.memory, 1, sized),
		one("… that are no pages of its program, MB", m.afterAll.anonymous, 1, sized),
		one("restart: controller, processor s", m.restarted.own, second, sized),
		one("… requests", m.restarted.requests, aMinute, sized),
		one("… memory, MB", m.afterRestart.memory, 1, sized),
		one("… that are no pages of its program, MB", m.afterRestart.anonymous, 1, sized),
		one("… goroutines", m.afterRestart.goroutines, 1, sized),
		one("largest memory of the controller, MB", m.resting.peak, 1, sized),
	}
}

const (
	// sized is how what follows the size may grow, and none how what shall not: a request of somebody else more or less
	// is no growth.
	sized, none = 1.05, 0.1
	// aMinute is how many requests a minute tell nothing.
	aMinute = 30
)

func perMinute(c cost) float64 { return time.Minute.Seconds() / c.took.Seconds() }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
