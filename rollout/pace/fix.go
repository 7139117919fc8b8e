package pace

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// A commit that mends another one goes first to the nodes that have that one. Which they are is told by the look:
// most nodes never got it, so what the most have is the base, and what came after the base is broken. Where a commit
// has come through everywhere nothing is broken: a node that was away for long and has an older template does not make
// it so. Neither is anything broken by a commit that was well until a newer one took over, unless that goes back to
// what most nodes have: it has proven nothing yet otherwise, and goes stage by stage.

// template is the pods of one template, as far as they stand on nodes that are meant.
type template struct {
	number int64 // of its revision: that of the newer one is higher
	pods   int
	oldest time.Time // when the first of them was made
}

// findBroken marks the old pods that are of a broken commit.
func (s *set) findBroken(in *Input) {
	if s.hash == "" {
		return
	}
	if in.Rollback {
		s.markBroken(func(string) bool { return true })
		return
	}
	templates := s.templates()
	base := s.base(templates, in.MendsSince)
	if base == s.hash { // it goes back to what most nodes have
		s.markBroken(func(hash string) bool { return s.isOlder(templates[base], templates[hash]) })
		return
	}
	if in.MendsSince.IsZero() {
		return
	}
	s.markBroken(func(hash string) bool { return templates[hash].number > templates[base].number })
}

func (s *set) markBroken(is func(hash string) bool) {
	for i := range s.sites {
		if at := &s.sites[i]; at.meant && at.old != nil {
			at.broken = is(at.old.Labels[fact.HashLabel])
		}
	}
}

// templates are what the pods are of, by hash.
func (s *set) templates() map[string]*template {
	numbers := map[string]int64{}
	for _, r := range s.Look.Revisions {
		if hash := r.Labels[fact.HashLabel]; hash != "" && fact.Owns(s.Look.DaemonSet, r) {
			numbers[hash] = max(numbers[hash], r.Revision)
		}
	}
	all := map[string]*template{}
	for i := range s.sites {
		if !s.sites[i].meant {
			continue
		}
		for _, p := range []*corev1.Pod{s.sites[i].old, s.sites[i].updated} {
			if p == nil {
				continue
			}
			hash, made := p.Labels[fact.HashLabel], p.CreationTimestamp.Time
			t := all[hash]
			if t == nil {
				t = &template{number: numbers[hash], oldest: made}
				all[hash] = t
			}
			t.pods++
			if made.Before(t.oldest) {
				t.oldest = made
			}
		}
	}
	return all
}

// base is the template that the most nodes have, of two the one that was there first. It is not the commit's own,
// unless that was there before. If the commit before got stuck, its own is not the base either, however far it came:
// the newest of the old ones, if all of its pods were made since. A commit may get stuck that did not change this one.
func (s *set) base(templates map[string]*template, stuckSince time.Time) string {
	stuckSince = stuckSince.Truncate(time.Second) // pods are dated by whole ones
	newest, old := "", 0
	for hash, t := range templates {
		if hash == s.hash {
			continue
		}
		if old++; old == 1 || cmp.Or(cmp.Compare(t.number, templates[newest].number),
			cmp.Compare(hash, newest)) > 0 {
			newest = hash
		}
	}
	var hashes []string
	for hash, t := range templates {
		made := !stuckSince.IsZero() && !t.oldest.Before(stuckSince)
		stuck := made && hash == newest && (old > 1 || s.isOlder(templates[s.hash], t))
		if !stuck && (hash != s.hash || t.oldest.Before(s.Target.AppliedAt)) {
			hashes = append(hashes, hash)
		}
	}
	if len(hashes) == 0 {
		return newest
	}
	return slices.MinFunc(hashes, func(a, b string) int {
		x, y := templates[a], templates[b]
		return cmp.Or(cmp.Compare(y.pods, x.pods), x.oldest.Compare(y.oldest), cmp.Compare(x.number, y.number),
			cmp.Compare(a, b))
	})
}

// isOlder reports whether the commit's pods were there before those of an old template.
func (s *set) isOlder(current, old *template) bool {
	return current != nil && current.oldest.Before(s.Target.AppliedAt) && old.oldest.After(current.oldest)
}

// isAnyBroken reports whether there is something to be fixed.
func (f *fleet) isAnyBroken() bool {
	for _, s := range f.sets {
		for i := range s.sites {
			if at := &s.sites[i]; at.broken && isReachable(at) {
				return true
			}
		}
	}
	return false
}
