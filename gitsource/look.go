package gitsource

import (
	"context"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// maxPrefixes is how many refs are asked for by name; who wants more asks for all.
const maxPrefixes = 100

const maxPrefix = 4096 // bytes

// look asks the server of a repository with many refs for those alone that the flight wants, and that were wanted the
// last time, so that what one Sync asks for answers the others, too. It is done if they are where they were; whatever
// is new, or not there, is a matter of a whole poll.
func (r *Repository) look(ctx context.Context, f *flight) (done bool, err error) {
	latest := r.recent()
	prefixes, ok := prefixes(f, latest)
	if !ok || latest.total <= r.options.ManyRefs || r.mirror.suspect.Load() {
		return false, nil
	}
	began := time.Now()
	var refs map[string]plumbing.Hash
	err = r.auth.ask(ctx, func(to *remote.Remote) error {
		refs, ok, err = to.Look(ctx, prefixes)
		return err
	})
	if err != nil || !ok {
		return false, err
	}
	if !r.answer(f, refs) {
		return false, nil
	}
	r.noted(advertised{refs: refs, looked: prefixes, at: began})
	return true, nil
}

// prefixes are what to look for; not ok if that is not known before all refs are.
func prefixes(f *flight, latest advertised) (list []string, ok bool) {
	list = append(slices.Clone(latest.looked), latest.beside...)
	for ref := range f.answers {
		prefix := ref.Prefix()
		if prefix == "" || len(prefix) > maxPrefix {
			return nil, false
		}
		list = append(list, prefix)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return list, len(list) <= maxPrefixes
}

// answer gives the flight its answers if the mirror has all of them.
func (r *Repository) answer(f *flight, refs map[string]plumbing.Hash) bool {
	found, tips := make(map[Ref]answer, len(f.answers)), make(map[Ref]tip, len(f.answers))
	for ref := range f.answers {
		at, err := ref.find(refs)
		if err != nil || !r.mirror.proven.has([]tip{at}) {
			return false
		}
		commit, err := r.mirror.peel(at.hash)
		if err != nil {
			return false
		}
		found[ref], tips[ref] = answer{commit: commit.String()}, at
	}
	f.answers = found
	for ref, at := range tips {
		r.saw(ref, at)
	}
	return true
}
