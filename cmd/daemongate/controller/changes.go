package controller

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	"github.com/daemongate/daemongate/cmd/daemongate/fleet/kept"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/panics"
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

// Fleets reads what clusters have told in the notes of repositories, for people who look: with the credentials of each
// Sync, of repositories that are mirrored for it.
func (c *Controller) Fleets() (kept.Reader, error) {
	folder := filepath.Join(c.o.DataDir, fleetsFolder)
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil { // of an earlier process
		return kept.Reader{}, err
	}
	auth := func(s *api.Sync) gitsource.Source {
		_, source := c.opens.credentialsOf(s)
		return source
	}
	return kept.Reader{Repository: c.opens.mirror, Auth: auth, Reach: c.opens.reach, Folder: folder}, nil
}

// fleetsFolder is where these notes are, in the data folder.
const fleetsFolder = "fleets"

// Panicked counts and logs a panic of what is read for people who look.
func (c *Controller) Panicked(s *api.Sync, p *panics.Panic) {
	if told := c.syncs.Panicked; told != nil {
		told(s, p)
	}
}
