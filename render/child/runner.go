package child

import (
	"context"
	"fmt"
	"os/exec"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/remembered"
)

// Runner renders in children, one for each render, or for several of one tenant that follow each other at once. One
// child more waits in reserve, started and made ready. It is safe for concurrent use.
type Runner struct {
	memory int64 // bytes that all renders at once may take
	room   *semaphore.Weighted
	start  func() (*process, error)
	groups *remembered.Store // what they rendered to
	idle   *idle

	mu      sync.Mutex
	reserve *process // nil if there is none
	making  bool     // the reserve
	closed  bool
	under   sync.WaitGroup // what goes on in the background
}

// DefaultTotal is how many bytes of memory all renders at once may take if nobody says otherwise.
const DefaultTotal = 2 * DefaultMemory

// New returns a Runner whose children take no more than so many bytes of memory together; 0 is the default.
func New(memory int64) *Runner {
	if memory <= 0 {
		memory = DefaultTotal
	}
	r := &Runner{memory: memory, room: semaphore.NewWeighted(memory), start: start,
		groups: remembered.New(remembered.Most)}
	r.idle = &idle{stay: stay, last: stayOfTheLast, under: &r.under,
		release: func(w *waiting) { r.release(w.use.memory, w.process) }}
	return r
}

// NewAs is New with children that are another program, which does nothing but Serve.
func NewAs(memory int64, program string, args ...string) *Runner {
	r := New(memory)
	r.start = func() (*process, error) { return startAs(exec.Command(program, args...)) }
	return r
}

// Close ends all children.
func (r *Runner) Close() {
	r.idle.close()
	r.mu.Lock()
	r.closed = true
	reserve := r.reserve
	r.reserve = nil
	r.mu.Unlock()
	if reserve != nil {
		reserve.end()
	}
	r.under.Wait()
}

// Build is render.Build of a commit of a mirror, in a process of its own. Beside render.Build's own errors there is a
// *SlowError after the time limit, a *MemoryError if it took more memory than it may, and a *LostError if the process
// ended otherwise. It waits while other renders take the memory that there is.
func (r *Runner) Build(ctx context.Context, tree *gitsource.Tree, folder string, o render.Options,
	l Limits) (render.Result, error) {
	l = l.WithDefaults()
	place, ok := tree.Place()
	switch {
	case !ok:
		return render.Result{}, fmt.Errorf("%s: is in no mirror that another process could read", folder)
	case l.Memory > r.memory:
		return render.Result{}, fmt.Errorf("%s: may take %s of memory, and all renders of this controller together "+
			"may take %s: lower render.maxMemory, or raise --render-memory", folder, size(l.Memory), size(r.memory))
	}
	u := use{l.Tenant, l.Memory}
	p, err := r.enter(ctx, u)
	if err != nil {
		return render.Result{}, fmt.Errorf("%s: %w", folder, err)
	}
	var used []*process
	kept := false
	defer func() {
		if kept {
			r.under.Go(r.prepare)
		} else {
			r.under.Go(func() { r.release(l.Memory, used...) })
		}
	}()
	for other := p != nil; ; other, p = false, nil {
		reserved := false
		if p == nil {
			if p, reserved, err = r.take(); err != nil {
				return render.Result{}, &LostError{Folder: folder, Reason: err.Error(), NotStarted: true}
			}
		}
		used = append(used, p)
		c := &conversation{process: p, tree: tree, options: o, limits: l, job: newJob(place, folder, o, l),
			memory: r.groups.Of(l.Tenant)}
		result, err := c.run(ctx)
		if reserved && c.unheard(err) || other && maybeAnothers(err) {
			p.end() // the next one takes the same memory
			continue
		}
		kept = c.mayGoOn(err) && len(used) == 1 && r.idle.put(u, p)
		return result, err
	}
}

// enter returns a child that waits for another job of the tenant; nil if there is none, as soon as there is the memory
// for one.
func (r *Runner) enter(ctx context.Context, u use) (*process, error) {
	if p := r.idle.take(u); p != nil {
		return p, nil
	}
	if r.room.TryAcquire(u.memory) {
		return nil, nil
	}
	r.idle.want(1)
	defer r.idle.want(-1)
	r.idle.free(u.memory)
	if err := r.room.Acquire(ctx, u.memory); err != nil {
		return nil, context.Cause(ctx)
	}
	return nil, nil
}

// release ends children, and then gives back the memory that they could take.
func (r *Runner) release(memory int64, used ...*process) {
	for _, p := range used {
		p.end()
	}
	r.room.Release(memory)
	r.prepare()
}

// take returns the child in reserve, or starts one.
func (r *Runner) take() (p *process, reserved bool, err error) {
	r.mu.Lock()
	p, r.reserve = r.reserve, nil
	r.mu.Unlock()
	if p != nil {
		return p, true, nil
	}
	p, err = r.start()
	return p, false, err
}

// prepare puts a child in reserve, unless there is one.
func (r *Runner) prepare() {
	r.mu.Lock()
	needed := r.reserve == nil && !r.making && !r.closed
	r.making = r.making || needed
	r.mu.Unlock()
	if !needed {
		return
	}
	p, err := r.start()
	r.mu.Lock()
	r.making = false
	closed := r.closed
	if err == nil && !closed {
		r.reserve = p
	}
	r.mu.Unlock()
	if err == nil && closed {
		p.end()
	}
}
