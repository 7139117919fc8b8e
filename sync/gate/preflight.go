package gate

import (
	"fmt"
	"slices"
	"strings"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// preflight forgets commits that no longer wait for room on their nodes, and takes in a person's word that one of them
// may pass. That is good for this one alone: what comes after it is looked at for itself.
func (t *turn) preflight() {
	p := t.s.Preflight
	if p == nil || t.o.History == nil {
		return
	}
	if t.gate.Preflight != api.PreflightHold {
		p.Held = nil
	}
	p.Held = keep(p.Held, t.waits)
	commit, _, _ := strings.Cut(t.o.Released, " ")
	if t.o.Released != t.s.Released && slices.Contains(p.Held, commit) {
		p.Released, t.s.Released = commit, t.o.Released
	}
	if len(p.Held) == 0 {
		p.Reason, p.Released = "", ""
	}
	if f := t.s.InFlight; f == nil || f.Commit != p.Commit || f.State == api.Complete {
		p.Commit, p.Warning = "", ""
	}
	t.forgetPreflight()
}

// forgetPreflight leaves nothing in the status that says nothing.
func (t *turn) forgetPreflight() {
	if p := t.s.Preflight; p != nil && len(p.Held) == 0 && p.Commit == "" {
		t.s.Preflight = nil
	}
}

// isMisfit reports whether a waiting commit would not have fitted when it was looked at last. With Order Each a newer
// one that fits passes it.
func (t *turn) isMisfit(commit string) bool {
	p := t.s.Preflight
	return p != nil && p.Released != commit && slices.Contains(p.Held, commit)
}

// misfits reports whether a commit must wait because its pods would not fit. One that passed before, and is rendered
// anew for another spec, has nobody who waits.
func (t *turn) misfits(commit string, p *Prepared) bool {
	return t.gate.Preflight == api.PreflightHold && p.Serious && p.Misfit.Private != "" && t.waits(commit) &&
		(t.s.Preflight == nil || t.s.Preflight.Released != commit)
}

// waitsForRoom lets a commit wait until its pods fit or a person releases it. A newer one goes before it if that fits.
func (t *turn) waitsForRoom(commit string, p *Prepared) {
	if t.s.Preflight == nil {
		t.s.Preflight = &api.PreflightStatus{}
	}
	reason := p.Misfit.And(api.ForAll("it waits for room, or for daemongate release"))
	s, news := t.s.Preflight, !t.isMisfit(commit)
	if news {
		s.Held = newest(append(s.Held, commit), MaxFollowers)
	}
	s.Reason = reason.Private
	t.reason, t.tooLarge = reason, commit
	if next, _ := t.candidate(); news && next != commit {
		t.admit()
		return
	}
	t.rollBack()
}

// reasonOf is why a commit waits. Those that wait with one whose pods would not fit are told which one that is: their
// own pods may fit.
func (t *turn) reasonOf(commit string) api.Message {
	p := t.s.Preflight
	if p == nil || p.Reason != t.reason.Private || t.tooLarge == "" || t.tooLarge == commit {
		return t.reason
	}
	with := api.Public(fmt.Sprintf("waits with %s: ", api.Short(t.tooLarge)))
	return api.Message{Private: string(with) + t.reason.Private, Public: with + t.reason.Public}
}

// releases is the commit that a release has to name for those who wait to go on; empty if that is not what they wait
// for. It is the one that the reason speaks of.
func (t *turn) releases() string {
	f, p := t.s.InFlight, t.s.Preflight
	switch {
	case p != nil && t.tooLarge != "" && p.Reason == t.reason.Private:
		return t.tooLarge
	case t.suspended() != "" || f != nil && !f.State.Settled():
		return ""
	case f != nil && t.holds(f):
		return f.Commit
	case t.heldBack() != "":
		return t.o.History.Head
	}
	return ""
}

// warning is what is said of a set that is applied although its pods may not fit.
func (t *turn) warning(p *Prepared) api.Message {
	s := t.s.Preflight
	if t.gate.Preflight == api.PreflightOff || p.Misfit.Private == "" {
		if s != nil {
			s.Commit, s.Warning = "", ""
			t.forgetPreflight()
		}
		return api.Message{}
	}
	if s == nil {
		s = &api.PreflightStatus{}
		t.s.Preflight = s
	}
	s.Commit, s.Warning = p.Commit, p.Misfit.Private
	return p.Misfit
}
