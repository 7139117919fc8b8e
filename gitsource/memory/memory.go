// Package memory shares out the memory in which a process reads what strangers send: packs and lists of refs. How much
// of it one of them takes is bounded where it is read; the budget bounds what all take together.
package memory

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// Free is how many bytes anybody may take without asking: what is small never waits for what is large.
const Free = 1 << 20

// Budget is memory that is shared. It is safe for concurrent use.
type Budget struct {
	size int64
	left *semaphore.Weighted
}

// process is for everything that is read at once: the installed controller has 512 MiB besides what renders take.
var process = NewBudget(256 << 20)

// Process is the budget that all of a process share.
func Process() *Budget { return process }

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int64) *Budget {
	return &Budget{bytes, semaphore.NewWeighted(bytes)}
}

// Take waits until so many bytes are left, and takes them until they are released. Who asks for more than there is gets
// all of it, alone. Nobody may ask for more while holding some: two who did would wait for each other. The error is the
// context's.
func (b *Budget) Take(ctx context.Context, bytes int64) (release func(), err error) {
	if bytes <= Free {
		return func() {}, nil
	}
	bytes = min(bytes, b.size)
	if err := b.left.Acquire(ctx, bytes); err != nil {
		return nil, fmt.Errorf("waiting for memory that other repositories take: %w", context.Cause(ctx))
	}
	return func() { b.left.Release(bytes) }, nil
}
