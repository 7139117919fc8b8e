// Package hosttest gives tests a real Git host: the binary of cmd/devhost (Gitea), started for the test and stopped
// with it, with repositories, tokens, keys and webhooks made through its API as a person would.
package hosttest

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// Host is one that runs.
type Host struct {
	URL        string // of its web server: a repository is at URL/USER/NAME.git
	SSH        string // host:port of its ssh server
	KnownHosts string // the line of known_hosts for SSH
	User       string // an administrator, who owns every repository made here
	Password   string
	Token      string // of that user, with all scopes
}

// startTime is how long a host may take to get ready when the machine is busy with other tests.
const startTime = 10 * time.Minute

// Start starts a host and stops it when the test ends. Under testing.Short the test is skipped; without $DEVHOST it
// fails.
func Start(t testing.TB) *Host {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Git host")
	}
	h, stop, err := StartMain()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return h
}

// StartMain is Start for what is no test: stop must be called before the program exits.
func StartMain() (h *Host, stop func(), err error) {
	binary := os.Getenv("DEVHOST")
	if binary == "" {
		return nil, nil, errors.New("$DEVHOST names no Git host: run the tests by make test, " +
			"or build it by make build-devhost and set DEVHOST to the path that prints")
	}
	dir, err := os.MkdirTemp("", "hosttest-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	child, err := clustertest.StartChild(binary, dir, "--dir="+dir)
	if err != nil {
		remove()
		return nil, nil, fmt.Errorf("$DEVHOST %s: %w", binary, err)
	}
	h = &Host{}
	if err := child.Ready("devhost ready ", startTime, h); err != nil {
		child.Stop()
		remove()
		return nil, nil, fmt.Errorf("the Git host %w", err)
	}
	return h, func() { child.Stop(); remove() }, nil
}
