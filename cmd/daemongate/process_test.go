package main

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/render/child"
)

// asProcess has the binary of the tests be daemongate itself.
const asProcess = "DAEMONGATE_TEST_AS_PROCESS"

// TestMain lets a test have daemongate as a process of its own, as it is used: the log, klog's and the standard
// library's are one for a process. The race detector is in it too.
func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" || child.Asked(os.Args) {
		main() // which exits
	}
	clustertest.Quiet()
	flag.Parse()
	_ = flag.Set("test.parallel", "3") // those that say that they are parallel wait for a cluster of their own
	code := m.Run()
	shared.Stop()
	browser.Stop()
	os.Exit(code)
}

// shared is a cluster of three nodes for the tests that need no cluster of their own. Each has its own namespace in it,
// and its controller, if it runs one, a Lease of its own.
var shared = clustertest.Shared{Options: clustertest.Options{Nodes: 3}}

// startController runs `daemongate run` with further arguments until the test ends. What it ends with before that comes
// by the channel.
func startController(t testing.TB, args ...string) (ended <-chan error) {
	t.Helper()
	return controllerTo(t, t.Output(), args...)
}

// controllerTo is startController with its output elsewhere.
func controllerTo(t testing.TB, out io.Writer, args ...string) (ended <-chan error) {
	t.Helper()
	_, ended = controllerProcess(t, out, args...)
	return ended
}

// controllerProcess is controllerTo for who does something to the process.
func controllerProcess(t testing.TB, out io.Writer, args ...string) (p *os.Process, ended <-chan error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], append([]string{"run"}, args...)...)
	c.Env = append(os.Environ(), asProcess+"=1")
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stdout, c.Stderr = out, out
	check(t, c.Start())
	end, gone := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		end <- c.Wait()
	}()
	t.Cleanup(func() { <-gone })
	return c.Process, end
}
