package child

import (
	"context"
	"io/fs"
	"os"

	"github.com/daemongate/daemongate/render"
)

// Here is render.Build in this very process, for a command that renders once and then ends. Beside render.Build's own
// errors there is a *SlowError after the time limit, and a *MemoryError when the process has taken more memory than it
// may: it must end then, since kustomize goes on.
func Here(ctx context.Context, tree fs.FS, folder string, o render.Options, l Limits) (render.Result, error) {
	l = l.WithDefaults()
	stop, done := make(chan struct{}), make(chan outcome, 1)
	defer close(stop)
	exceeded := watchMemory(stop, l.Memory)
	go func() {
		result, err := render.Build(ctx, tree, folder, o)
		done <- outcome{result, err}
	}()
	first := make(chan outcome, 1)
	go func() {
		select {
		case out := <-done:
			first <- out
		case <-exceeded:
			first <- outcome{err: &MemoryError{Folder: folder, Limit: l.Memory}}
		case <-stop:
		}
	}()
	out := await(ctx, folder, l.Timeout, first, processClock(os.Getpid()))
	return out.result, out.err
}
