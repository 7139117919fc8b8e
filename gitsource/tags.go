package gitsource

import "strings"

// mayBeTag is true of a ref that is found among the tags.
func (r Ref) mayBeTag() bool { return strings.HasPrefix(r.Prefix(), tagPrefix) }

// saw remembers which tag a ref was found to be at. It is remembered by ref: what another Sync of the repository asks for
// next may be an advertisement of other refs alone. Of refs that are no tags nobody asks.
func (r *Repository) saw(ref Ref, at tip) {
	if !ref.mayBeTag() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tags == nil {
		r.tags = map[Ref]tip{}
	}
	r.tags[ref] = at
}

// tagOf returns the tag that a ref was at when it was last found.
func (r *Repository) tagOf(ref Ref) (at tip, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok = r.tags[ref]
	return at, ok
}
