// Package childtest renders in children for the tests of other packages. The children are a program of their own, built
// without the race detector: the binary of a test takes seconds to start with it, and several times the memory.
package childtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/daemongate/daemongate/render/child"
)

// Runner renders as the program does, in children, until the test ends. Who calls it calls Remove in TestMain.
func Runner(t testing.TB) *child.Runner {
	t.Helper()
	r := child.NewAs(0, Program(t))
	t.Cleanup(r.Close)
	return r
}

// Program is the path of a program that is a child and nothing else.
func Program(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Remove removes the program, if one was built.
func Remove() { _ = os.RemoveAll(dir) }

var dir string

var built = sync.OnceValues(func() (path string, err error) {
	if dir, err = os.MkdirTemp("", "daemongate-test-"); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-o", path,
		"github.com/daemongate/daemongate/render/child/childtest/testdata/program")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})
