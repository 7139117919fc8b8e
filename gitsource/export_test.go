package gitsource

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Highest chooses among tags as a poll would.
func Highest(r Ref, tags ...string) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	refs := map[string]plumbing.Hash{}
	for _, tag := range tags {
		refs[tagPrefix+tag] = plumbing.ZeroHash
	}
	chosen, err := r.find(refs)
	return strings.TrimPrefix(chosen.name, tagPrefix), err
}

// WithSmallGrowth lets a mirror grow by so many bytes beyond its factor.
func (o Options) WithSmallGrowth(bytes int64) Options {
	o.smallGrowth = bytes
	return o
}

// Reopen has a mirror's files opened again at the next read.
func (r *Repository) Reopen() { r.mirror.objects.renew(r.mirror.current()) }

// OpenReaders is how many readers of a mirror are open that nobody uses now.
func (r *Repository) OpenReaders() int {
	r.mirror.objects.mu.Lock()
	defer r.mirror.objects.mu.Unlock()
	return len(r.mirror.objects.idle)
}
