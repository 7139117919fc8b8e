package manifests

import (
	"context"
	"slices"
	"sync"
)

// Warning is what the API server said to a request about an object while doing what it was asked.
type Warning struct {
	Object ID
	Text   string
}

// Warnings collects what the API server warns of. It is safe for concurrent use.
type Warnings struct {
	mu  sync.Mutex
	all []Warning
}

// List is every warning once, in the order in which they came.
func (w *Warnings) List() []Warning {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.all)
}

func (w *Warnings) add(one Warning) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.all, one) {
		w.all = append(w.all, one)
	}
}

type (
	warningsKey struct{}
	objectKey   struct{}
)

// CollectWarnings returns a context whose requests leave their warnings in the collection. Without it they are dropped.
func CollectWarnings(ctx context.Context) (context.Context, *Warnings) {
	w := &Warnings{}
	return context.WithValue(ctx, warningsKey{}, w), w
}

// about says which object the requests of a context are for.
func about(ctx context.Context, id ID) context.Context {
	return context.WithValue(ctx, objectKey{}, id)
}

// warningHandler takes the place of client-go's, which writes to klog.
type warningHandler struct{}

func (warningHandler) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	w, collected := ctx.Value(warningsKey{}).(*Warnings)
	id, _ := ctx.Value(objectKey{}).(ID)
	if !collected || code != 299 || text == "" || isSecret(id) {
		return
	}
	w.add(Warning{Object: id, Text: text})
}
