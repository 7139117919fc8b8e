package gate

import (
	"fmt"
	"slices"
	"strings"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// rewritten looks after a head that is no step forward from the commit that passed last, where such a one waits for a
// person. The release of a commit is good for it, for what came before it in the same history, and for what is pushed
// on top of it; once.
func (t *turn) rewritten() {
	h := t.o.History
	if h == nil {
		return
	}
	if t.gate.OnRewrite != api.OnRewriteHold || h.Backward == "" || h.After != t.s.Passed || len(t.waiting) == 0 {
		t.s.Rewrite = nil
		return
	}
	r := api.Rewrite{From: t.s.Passed, To: h.Head}
	if was := t.s.Rewrite; was != nil && t.waits(was.Released) {
		r.Released = was.Released
	}
	commit, _, _ := strings.Cut(t.o.Released, " ")
	isForRoom := r.Released != "" && t.isMisfit(commit) // the rewrite no longer holds it, and its room does
	if t.o.Released != t.s.Released && t.waits(commit) && !isForRoom {
		r.Released, t.s.Released = commit, t.o.Released
	}
	t.s.Rewrite = &r
}

func (t *turn) waits(commit string) bool {
	return slices.ContainsFunc(t.waiting, func(c Commit) bool { return c.Hash == commit })
}

// heldBack says why nothing of a rewritten history passes; empty if it may.
func (t *turn) heldBack() api.Public {
	if r := t.s.Rewrite; r == nil || r.Released != "" || t.o.History == nil {
		return ""
	}
	h := t.o.History
	return api.Public(fmt.Sprintf("%s %s; it waits for daemongate release", api.Short(h.Head), h.Backward))
}
