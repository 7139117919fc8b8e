package child

import "time"

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
