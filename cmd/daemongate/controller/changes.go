package controller

import (
	"path/filepath"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/sync"
	"github.com/daemongate/daemongate/sync/deaths"
)

// Changes reads what commits have changed, for people who look: from the mirrors that the controller has, with the
// credentials of each Sync, and in the queue of its renders.
func (c *Controller) Changes() (*changes.Reader, error) {
	marks, err := deaths.Open(filepath.Join(c.o.DataDir, "showing"), time.Now())
	if err != nil {
		return nil, err
	}
	cluster, err := manifests.NewClient(c.config)
	if err != nil {
		return nil, err
	}
	return &changes.Reader{Repository: c.opens.mirror, Base: c.opens.Base, Renders: c.renders, Ceilings: c.o.Ceilings,
		Queue: sync.Preparations(c.syncs), Marks: marks, Cluster: cluster}, nil
}
