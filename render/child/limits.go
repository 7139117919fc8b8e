package child

import (
	"fmt"
	"time"
)

// Limits bound what one render may take of the machine. A zero is the default.
type Limits struct {
	Memory  int64         // bytes of the process that renders; default 512 MiB
	Timeout time.Duration // processor time of that process, or five times as much by the clock; default 2 minutes
	// Tenant is for whom it renders. What groups of objects rendered to is remembered for each tenant apart.
	Tenant string
}

// DefaultMemory is how many bytes of memory a render may take if nobody says otherwise.
const DefaultMemory = 512 << 20

// LeastMemory is what a process needs to render anything at all.
const LeastMemory = 64 << 20

// WithDefaults has a figure for each.
func (l Limits) WithDefaults() Limits {
	if l.Memory <= 0 {
		l.Memory = DefaultMemory
	}
	if l.Timeout <= 0 {
		l.Timeout = 2 * time.Minute
	}
	return l
}

// MemoryError says that a render took more memory than it may. That is the commit's fault: another time it takes as
// much.
type MemoryError struct {
	Folder string
	Limit  int64 // bytes
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%s: rendering took more than %s of memory: look at what copies into many places "+
		"(replacements, vars, patches with a target, transformers, labels and annotations), render less, or raise "+
		"render.maxMemory", e.Folder, size(e.Limit))
}

// LostError says that a process which rendered ended without an answer: somebody killed it, or it crashed. That need
// not be the commit's fault.
type LostError struct {
	Folder string
	Reason string
	// NotStarted is set if it is not even known whether it could have rendered.
	NotStarted bool
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%s: the process that rendered it ended before it was done: %s", e.Folder, e.Reason)
}

// size writes bytes as people do.
func size(bytes int64) string {
	if bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
