package child

import (
	"context"
	"embed"
	"io/fs"
	"runtime/debug"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/schema"
)

//go:embed warm
var warmFiles embed.FS

// ready makes what every render needs, and what the first one would make, before a job comes. A child with a job
// already goes on to that: it makes what it needs.
func ready(jobs <-chan job) {
	debug.SetGCPercent(-1) // until it is over
	defer debug.SetGCPercent(fewCollections)
	schema.Use()
	if len(jobs) > 0 {
		return
	}
	_ = warm() // a commit's own trouble shows with the commit
}

// warm renders the least that there is: it makes ready most of what any render does.
func warm() error {
	files, err := fs.Sub(warmFiles, "warm")
	if err == nil {
		_, err = render.Build(context.Background(), files, ".", render.Options{})
	}
	return err
}
