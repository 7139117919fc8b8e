package gitsource

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// advertised is what the server last said of its refs.
type advertised struct {
	refs map[string]plumbing.Hash
	at   time.Time // when it was asked
}

func (r *Repository) noted(refs map[string]plumbing.Hash, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = advertised{refs, at}
}

// HeadWithin is Head for who is content with an answer that is up to age old: a thousand Syncs that poll one repository
// each in its own minute cost one advertisement a minute.
func (r *Repository) HeadWithin(ctx context.Context, ref Ref, age time.Duration) (string, error) {
	r.mu.Lock()
	latest := r.latest
	r.mu.Unlock()
	if ref.check() == nil && ref.Commit == "" && time.Since(latest.at) <= age {
		if hash, ok := latest.refs[ref.fullName()]; ok && r.mirror.knows([]tip{{hash: hash}}) && !r.mirror.suspect.Load() {
			if commit, err := r.mirror.peel(hash); err == nil {
				return commit.String(), nil
			}
		}
	}
	return r.Head(ctx, ref)
}
