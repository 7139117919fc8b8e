package clustertest

import (
	"sync"
	"testing"
)

// Shared is one cluster for all tests of a package, which is started when the first one of them asks for it. Its
// TestMain stops it.
type Shared struct {
	Options Options

	once    sync.Once
	cluster *Cluster
	err     error
}

// Start returns the cluster. Under testing.Short the test is skipped.
func (s *Shared) Start(t testing.TB) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	s.once.Do(func() { s.cluster, s.err = start(s.Options) })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.cluster
}

// Stop stops the cluster, if it was started.
func (s *Shared) Stop() {
	if s.cluster != nil {
		s.cluster.stop()
	}
}
