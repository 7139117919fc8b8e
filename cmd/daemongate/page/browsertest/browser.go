// Package browsertest gives tests a real Chromium, driven over the DevTools protocol (docs/decisions/0052).
package browsertest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Browser is a Chromium that runs. It ends with this process, however this process ends.
type Browser struct {
	pipe *pipe
	stop func()
}

// Shared is one Chromium for all tests of a package, which is started when the first one of them asks for it. Its
// TestMain stops it.
type Shared struct {
	once    sync.Once
	browser *Browser
	err     error
}

// Start returns the browser. Under testing.Short the test is skipped; without $CHROMIUM it fails.
func (s *Shared) Start(t testing.TB) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	s.once.Do(func() { s.browser, s.err = start() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.browser
}

// Stop ends Chromium, if it was started.
func (s *Shared) Stop() {
	if s.browser != nil {
		s.browser.stop()
	}
}

func start() (*Browser, error) {
	binary := os.Getenv("CHROMIUM")
	if binary == "" {
		return nil, errors.New("$CHROMIUM names no browser: run the tests by make test, " +
			"or set it to the path that .ci/find-chromium prints")
	}
	dir, err := os.MkdirTemp("", "browsertest-")
	if err != nil {
		return nil, err
	}
	b, err := launch(binary, dir)
	if err != nil {
		remove(dir)
		return nil, err
	}
	var version struct {
		Product string `json:"product"`
	}
	if err := b.pipe.call("", "Browser.getVersion", nil, &version); err != nil {
		b.stop()
		said, _ := os.ReadFile(filepath.Join(dir, "stderr"))
		remove(dir)
		return nil, fmt.Errorf("$CHROMIUM %s did not get ready: %w: %s", binary, err, bytes.TrimSpace(said))
	}
	stop := b.stop
	b.stop = func() { stop(); remove(dir) }
	return b, nil
}

// flags are those of a browser that shows what the tests serve, and asks nobody else for anything. It goes without the
// sandbox, which root and many containers cannot have, because it opens nothing but our own pages.
var flags = []string{"--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic",
	"--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps",
	"--disable-crash-reporter", "--metrics-recording-only", "--password-store=basic", "--use-mock-keychain",
	"--hide-scrollbars", "--mute-audio", "--lang=en-US", "--font-render-hinting=none", "--force-color-profile=srgb",
	"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost", "about:blank"}

// launch starts Chromium with all that it writes in a folder.
func launch(binary, dir string) (*Browser, error) {
	theirsIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirsOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirsIn.Close(), in.Close())
	}
	defer theirsIn.Close()
	defer theirsOut.Close()
	cmd := exec.Command(binary, append([]string{"--user-data-dir=" + filepath.Join(dir, "profile")}, flags...)...)
	cmd.ExtraFiles = []*os.File{theirsIn, theirsOut} // 3 and 4, which is where it looks
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir, "XDG_RUNTIME_DIR="+dir)
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	return &Browser{pipe: newPipe(in, out), stop: sync.OnceFunc(func() {
		_ = in.Close() // it ends by that
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		_ = out.Close()
	})}, nil
}

// remove removes a folder into which processes of Chromium that are just ending may still write.
func remove(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// quote writes a text as JavaScript does.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}
