package child

import (
	"slices"
	"time"

	"golang.org/x/sync/semaphore"
)

// Clock tells how much processor time a process has taken since now.
func Clock(pid int) func() (time.Duration, bool) { return processClock(pid) }

// Reserve is the number of the process in reserve, 0 if there is none.
func Reserve(r *Runner) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reserve == nil {
		return 0
	}
	return r.reserve.command.Process.Pid
}

// Stray is a Runner whose children are a script instead of this program.
func Stray(script string) *Runner { return NewAs(0, "sh", "-c", script) }

// Groups is how many groups of objects are remembered.
func Groups(r *Runner) int { return r.groups.Len() }

// Knows reports whether a group is remembered for a tenant.
func Knows(r *Runner, tenant, digest string) bool {
	return len(r.groups.Of(tenant).Recall([]string{digest})) > 0
}

// Idle are the numbers of the processes that wait for another job of one of the tenants, or of any if none is
// named.
func Idle(r *Runner, tenants ...string) (ids []int) {
	r.idle.mu.Lock()
	defer r.idle.mu.Unlock()
	for _, w := range r.idle.all {
		if len(tenants) == 0 || slices.Contains(tenants, w.use.tenant) {
			ids = append(ids, w.command.Process.Pid)
		}
	}
	return ids
}

// Late are the numbers of those that wait longer than others, of a tenant.
func Late(r *Runner, tenant string) (ids []int) {
	r.idle.mu.Lock()
	defer r.idle.mu.Unlock()
	for _, w := range r.idle.all {
		if w.late && w.use.tenant == tenant {
			ids = append(ids, w.command.Process.Pid)
		}
	}
	return ids
}

// Stay has children wait so long for another job, the last one among them.
func Stay(r *Runner, stay time.Duration) { r.idle.stay, r.idle.last = stay, stay }

// StayOfTheLast has the last one wait so long.
func StayOfTheLast(r *Runner, last time.Duration) { r.idle.last = last }

// Wanted is how many renders wait for memory.
func Wanted(r *Runner) int {
	r.idle.mu.Lock()
	defer r.idle.mu.Unlock()
	return r.idle.wanted
}

// Small has a Runner's children take no more than so many bytes together.
func Small(r *Runner, memory int64) *Runner {
	r.memory, r.room = memory, semaphore.NewWeighted(memory)
	return r
}
