package child

import (
	"context"
	"embed"
	"io/fs"
	"runtime/debug"

	"github.com/daemongate/daemongate/render"
)

//go:embed warm
var warmFiles embed.FS

// warm renders something of everyday use, so that what kustomize makes ready once in a process is ready before the job
// comes.
func warm() {
	files, err := fs.Sub(warmFiles, "warm")
	if err != nil {
		return
	}
	// A commit's own trouble shows with the commit.
	_, _ = render.Build(context.Background(), files, ".", render.Options{})
	debug.FreeOSMemory()
}
