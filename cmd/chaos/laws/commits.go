package laws

import "slices"

// most is how many commits a status tells in its history.
const most = 20

// nothingForgotten: every commit of the branch ends in exactly one state, and keeps it, but for a stuck one that heals.
// One that the branch no longer has ends too, if anything was ever said of it.
func (c *checker) nothingForgotten() {
	all := c.statuses()
	was := map[string]string{}
	for _, w := range all {
		now := states(w)
		for commit, state := range was {
			switch next, told := now[commit]; {
			case !told && len(now) < most:
				c.breaks("no commit forgotten", w.received, "%s was %s, and is not told of any more", short(commit),
					state)
			case told && next != state && (state != "Stuck" || next != "Complete"):
				c.breaks("no commit forgotten", w.received, "%s was %s and is %s", short(commit), state, next)
			}
		}
		was = now
	}
	last := all[len(all)-1]
	count := map[string]int{}
	for _, r := range list(last.object, "status", "history") {
		count[text(r, "commit")]++
	}
	for _, commit := range c.toEnd(all) {
		if count[commit] != 1 || !settled[was[commit]] {
			c.breaks("no commit forgotten", last.received, "%s is told of %d times at the end, and is %q",
				short(commit), count[commit], was[commit])
		}
	}
}

// toEnd are the commits that must end: those that a status ever told of, and all that came after the first of them.
func (c *checker) toEnd(all []*write) (commits []string) {
	told := map[string]bool{"": true}
	add := func(commit string) {
		if !told[commit] {
			told[commit] = true
			commits = append(commits, commit)
		}
	}
	for _, w := range all {
		add(flightOf(w).commit)
		held, _ := at(w.object, "status", "held", "commits").([]any)
		for _, commit := range held {
			if commit, ok := commit.(string); ok {
				add(commit)
			}
		}
	}
	first := slices.IndexFunc(c.history.Line, func(commit string) bool { return told[commit] })
	if first < 0 {
		first = 0
	}
	for _, commit := range c.history.Line[first:] {
		add(commit)
	}
	return commits
}
