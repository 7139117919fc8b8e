package browsertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// A browser ends when the process that has started it is killed.
func TestABrowserOutlivesNobody(t *testing.T) {
	shared.Start(t)
	if os.Getenv("BROWSERTEST_DIES") != "" {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		_ = self.Kill()
		select {}
	}
	test := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	dir := t.TempDir() // the browser's profile is in it
	test.Env = append(os.Environ(), "BROWSERTEST_DIES=1", "TMPDIR="+dir)
	test.Stdout, test.Stderr = os.Stderr, os.Stderr
	if err := test.Run(); err == nil {
		t.Fatal("the test was not killed")
	}
	clustertest.Until(t, time.Minute, "its browser to end", func() (string, bool) {
		running := processesWith(t, dir)
		return strings.Join(running, "\n"), len(running) == 0
	})
}

// processesWith are the command lines of the processes that name a folder.
func processesWith(t *testing.T, dir string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may just have ended
		if strings.Contains(string(text), dir) {
			found = append(found, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}
