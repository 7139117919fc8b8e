package sync

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/proven"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/panics"
	"github.com/daemongate/daemongate/sync/preflight"
	"github.com/daemongate/daemongate/sync/source"
)

// preparation is a commit being prepared, from what was known of its Sync when that began. It runs beside the turns of
// the Sync, which go on: it writes nothing, neither to the cluster nor to the loop.
type preparation struct {
	placed
	sync   *api.Sync // a copy, which nobody changes
	source *source.Source
	// flying is the set in flight as it was written last, nil if it is not known.
	flying *readySet
	// proofs are of what need not be asked about.
	proofs *proven.Memory
	// left are the objects that an earlier process has left as the flight asks; nil if that is not known.
	left manifests.Known
	// asked is set if a person wants another try.
	asked bool
}

func (l *syncLoop) preparation() *preparation {
	p := &preparation{placed: l.placed, sync: l.sync.DeepCopy(), source: l.source,
		proofs: l.drift.proofsFor(l.sync, l.Now()), asked: l.retryRequested}
	if p.proofs.Empty() {
		p.left = l.drift.leftBefore()
	}
	if fl := l.flight; fl != nil && fl.rendered() {
		p.flying = fl.set
	}
	return p
}

// run prepares a commit when its turn in the queue has come. What is in flight, and is recalled, is believed already.
// Urgent is the set of one that has to be braked.
func (p *preparation) run(ctx context.Context, commit string, recalls, urgent bool) *readySet {
	r := p.nothingOf(commit)
	ran := p.preparations.Do(ctx, p.job(urgent), func(ctx context.Context) {
		end, err := p.Preparing.Marks.Begin(p.sync.Namespace+"/"+p.sync.Name, p.Controller.Now())
		if err != nil {
			r.unavailable(err, p.Now())
			return
		}
		defer end()
		if !recalls {
			if doubted := p.doubted(ctx, commit); doubted != nil {
				r = doubted
				return
			}
		}
		r = p.prepare(ctx, commit)
	})
	if !ran {
		return r.unavailable(context.Cause(ctx), p.Now())
	}
	return r
}

// nothingOf is what is known of a commit before it is prepared.
func (p *preparation) nothingOf(commit string) *readySet {
	return &readySet{Prepared: gate.Prepared{Commit: commit, Generation: p.sync.Generation}}
}

// job is what preparing a commit asks of the queue. Limits that cannot be read are an error of the render.
func (p *preparation) job(urgent bool) fairqueue.Job {
	_, limits, _, _ := p.Preparing.Renders.Limits(p.sync)
	f := p.sync.Status.InFlight
	return fairqueue.Job{Namespace: p.sync.Namespace, Memory: limits.WithDefaults().Memory, Urgent: urgent,
		Soon: f != nil && f.State == api.Stuck, Suspect: deaths.IsSuspect(p.sync.Status.Renders, p.Now())}
}

// flightSet is the set in flight, rendered again if a restart lost it.
func (p *preparation) flightSet(ctx context.Context) (manifests.Set, error) {
	f := p.sync.Status.InFlight
	if p.flying != nil {
		return p.flying.whole()
	}
	r := p.prepare(ctx, f.Commit)
	if err := r.repeated(f); err != nil {
		return manifests.Set{}, err
	}
	p.flying = r
	return r.set, nil
}

// recallProofs takes in what an earlier process has proven of the set in flight. What cannot be is applied as a whole.
func (p *preparation) recallProofs(ctx context.Context, writer Writer) {
	f := p.sync.Status.InFlight
	if len(p.left) == 0 || f == nil || f.Generation != p.sync.Generation {
		return
	}
	set, err := p.flightSet(ctx)
	if err != nil {
		return
	}
	p.proofs.Recall(ctx, writer, set, p.left, WriteOptions(p.sync), f.Since.Time)
}

// repeated says why a set that was rendered again is not the one in flight.
func (r *readySet) repeated(f *api.Flight) error {
	switch {
	case r.Outcome != gate.Ready:
		return fmt.Errorf("its set cannot be rendered again: %s", r.Problem.Private)
	case r.Digest != f.Digest:
		return fmt.Errorf("its set renders differently now")
	}
	return nil
}

// underWay is a preparation that runs beside the turns of its Sync. Its result is written before done is closed.
type underWay struct {
	of     basis
	urgent bool
	end    context.CancelFunc
	done   chan struct{}
	result *readySet
	// panicked is set if there is no other result for that.
	panicked bool
}

// ended reports whether there is a result.
func (u *underWay) ended() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// basis is what a preparation is made for. When any of it changes, another one must be made.
type basis struct {
	commit     string
	generation int64
	complete   string // the last commit that was
	flight     string
	inventory  []api.InventoryEntry
}

func (l *syncLoop) basisOf(commit string) basis {
	s := l.sync.Status
	b := basis{commit: commit, generation: l.sync.Generation, complete: s.LastComplete, inventory: s.Inventory}
	if f := s.InFlight; f != nil {
		b.flight = fmt.Sprint(f.Commit, f.Since.UnixMicro(), f.State, f.Digest)
	}
	return b
}

func (b basis) equal(o basis) bool {
	return b.commit == o.commit && b.generation == o.generation && b.complete == o.complete && b.flight == o.flight &&
		slices.Equal(b.inventory, o.inventory)
}

// preparing is what is prepared for a Sync.
type preparing struct {
	// ready is the newest set that was prepared, nil if there is none.
	ready *readySet
	// underWay is being prepared, nil if nothing is.
	underWay *underWay
	// noWriter is why nothing may be written of what was prepared last, nil if it may.
	noWriter *Barred
	// vigil is kept for a prepared set that waits for room, nil if none does.
	vigil    *preflight.Vigil
	vigilFor *readySet
	// panics is how often in a row preparing has panicked.
	panics int
	// urgent is set if its next turn goes before those of others: it has a commit in flight, or one that is prepared.
	// It is read beside the turns.
	urgent atomic.Bool
	// died is when a process ended while something was rendered, and lived that a render came to an end: neither is in
	// the status yet.
	died  []time.Time
	lived bool
}

// begin has a commit prepared beside the turns of its Sync, which is woken when that has ended.
func (l *syncLoop) begin(commit string, recalls, urgent bool) *underWay {
	p := l.preparation()
	ctx, end := context.WithCancel(l.life)
	u := &underWay{of: l.basisOf(commit), urgent: urgent, end: end, done: make(chan struct{})}
	key := l.key
	l.background.Go(func() {
		defer end()
		caught := panics.Catch("preparing commit "+api.Short(commit), func() {
			u.result = p.run(ctx, commit, recalls, urgent)
		})
		if u.panicked = caught != nil; u.panicked {
			u.result = p.nothingOf(commit).unavailable(caught, p.Now())
			l.tellPanic(named(key), caught)
		}
		if l.life.Err() != nil {
			return // what a stop cuts off has come to nothing: no turn may take it for an answer
		}
		close(u.done)
		l.urgent.Store(true)
		p.queue.Add(key)
	})
	return u
}

// prepares has a commit prepared, unless it is already.
func (l *syncLoop) prepares(commit string) {
	if u := l.underWay; u == nil || !u.of.equal(l.basisOf(commit)) {
		l.endPreparing()
		l.ready, l.underWay = nil, l.begin(commit, false, false)
	}
}

// endPreparing ends what is being prepared: nobody wants it any more, or what it has seen is no longer so.
func (l *syncLoop) endPreparing() {
	if l.underWay != nil {
		l.underWay.end()
		l.underWay = nil
	}
}

// takePrepared takes in what has been prepared since the last look. If it was prepared for what is no longer so, the
// gate asks for it again.
func (l *syncLoop) takePrepared() {
	u := l.underWay
	if u == nil || !u.ended() {
		return
	}
	l.noteRender(u.result)
	if l.underWay = nil; u.of.equal(l.basisOf(u.of.commit)) {
		l.ready = u.result
		if b := u.result.barred; l.noteBarred(b) && l.barred(l.sync) == nil {
			l.Teller.Tell(l.sync, troubleNews(b))
		}
	}
	if l.panics++; u.panicked {
		u.result.RetryAt = l.Now().Add(backoff.After(l.panics, unavailablePause, 15*time.Minute))
	} else {
		l.panics = 0
	}
}
