package main

import (
	"context"
	"fmt"
	"time"
)

// first starts the controller, and measures until all that is in Git is in the cluster.
func (f *fleet) first(ctx context.Context, m *measured) (err error) {
	if f.resting, err = f.idle(ctx, f.quiet); err != nil {
		return err
	}
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	f.watched = before.watches
	if err := f.start(ctx); err != nil {
		return err
	}
	first, last, err := f.complete.wait(ctx, "all Syncs to be Complete", f.headOfEach())
	if err != nil {
		return err
	}
	after, err := f.settles(ctx)
	m.first = f.since(before, after)
	m.first.took, m.firstIn = last.Sub(before.at), first.Sub(before.at)
	return err
}

// rest measures while nothing happens.
func (f *fleet) rest(ctx context.Context, m *measured) error {
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	if m.resting, err = f.calm(ctx, "resting"); err != nil {
		return err
	}
	m.watches = m.resting.watches - f.watched
	m.steady = f.since(before, m.resting)
	return nil
}

// single pushes commits of one object each, one after the other, each to the next repository.
func (f *fleet) single(ctx context.Context, m *measured) error {
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	for push := range f.pushes {
		i := push * perRepository % f.n // some Sync of each repository in turn
		i = min(f.n-1, i+push/len(f.repositories)%perRepository)
		value := fmt.Sprint("push ", push)
		began := time.Now()
		file := map[string]string{folderOf(i) + "/one.yaml": configMap("one", value)}
		if err := f.push(ctx, i/perRepository, file); err != nil {
			return err
		}
		_, written, err := f.written.wait(ctx, "a pushed object", map[string]string{objectOf(i, "one"): value})
		if err != nil {
			return err
		}
		m.pushes = append(m.pushes, written.Sub(began))
		want := f.headOfEach()
		for name := range want {
			if name != syncOf(i) { // the others are not concerned, and say so later
				delete(want, name)
			}
		}
		if _, _, err := f.complete.wait(ctx, "a pushed commit to be Complete", want); err != nil {
			return err
		}
	}
	after, err := f.settles(ctx)
	m.single = f.since(before, after)
	return err
}

// all pushes a commit to each repository that changes all objects of all its Syncs.
func (f *fleet) all(ctx context.Context, m *measured) error {
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	for i := range f.repositories {
		if err := f.push(ctx, i, f.folders(i, "all")); err != nil {
			return err
		}
	}
	first, last, err := f.complete.wait(ctx, "all Syncs to be Complete", f.headOfEach())
	if err != nil {
		return err
	}
	after, err := f.settles(ctx)
	m.all = f.since(before, after)
	m.allFirstIn, m.allIn = first.Sub(before.at), last.Sub(before.at)
	m.resting.peak = max(m.resting.peak, after.peak)
	if err != nil {
		return err
	}
	m.afterAll, err = f.calm(ctx, "after-all")
	return err
}

// calm waits for as long as is measured what nothing costs, and keeps profiles of the controller: memory that only a
// busy time needed has been given back then.
func (f *fleet) calm(ctx context.Context, name string) (m moment, err error) {
	if err := sleep(ctx, f.steady); err != nil {
		return m, err
	}
	if m, err = f.now(ctx); err != nil {
		return m, err
	}
	return m, f.keepProfiles(ctx, fmt.Sprintf("%d-syncs-%s", f.n, name))
}

// restart ends the controller and starts it again, and measures until it asks for nothing any more.
func (f *fleet) restart(ctx context.Context, m *measured) error {
	f.controller.stop()
	f.controller = nil
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	if err := f.start(ctx); err != nil {
		return err
	}
	err = until(ctx, "all Syncs to be looked after again", func() (bool, error) {
		// Not more often: to tell its metrics costs the controller something for each Sync.
		if err := sleep(ctx, time.Second); err != nil {
			return false, err
		}
		u, err := f.controller.look(ctx)
		return int(u.loops) == f.n, err
	})
	if err != nil {
		return err
	}
	after, err := f.settles(ctx)
	if err != nil {
		return err
	}
	m.restarted = f.since(before, after)
	m.resting.peak = max(m.resting.peak, after.peak)
	m.afterRestart, err = f.calm(ctx, "restarted")
	return err
}
