// Package reflector keeps a store in step with the API server, whatever the store makes of what it is given.
package reflector

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	toolscache "k8s.io/client-go/tools/cache"
)

// The pauses after a panic. One that comes after a long while is the first again.
const (
	firstPause = time.Second
	mostPause  = 5 * time.Minute
)

// Followed is what is watched, and what is kept of it.
type Followed struct {
	Name    string
	Source  toolscache.ListerWatcherWithContext
	Example runtime.Object
	Store   toolscache.ReflectorStore
	// Failed is told that the store panicked at an object: it is not to be trusted until everything has been read
	// again, which is tried after a pause.
	Failed func(error)
}

// Run follows until the context ends. client-go ends the process for a panic in a store of its reflector: here that
// ends the watch, which begins anew, first after a second and then with pauses that grow. Nothing is printed.
func Run(ctx context.Context, f Followed) {
	pauses := newPauses()
	for {
		began := time.Now()
		once(ctx, f)
		if time.Since(began) > mostPause {
			pauses = newPauses()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pauses.Step()):
		}
	}
}

func newPauses() *wait.Backoff {
	return &wait.Backoff{Duration: firstPause, Factor: 2, Steps: 30, Cap: mostPause}
}

// once follows until the context ends or the store panics.
func once(ctx context.Context, f Followed) {
	silent := logr.Discard()
	ctx, end := context.WithCancel(logr.NewContext(ctx, silent))
	defer end()
	g := &guarded{followed: f, end: end}
	toolscache.NewReflectorWithOptions(g.source(), f.Example, g,
		toolscache.ReflectorOptions{Name: f.Name, Logger: &silent}).RunWithContext(ctx)
}
