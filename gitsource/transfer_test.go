package gitsource_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/sshtest"
)

// A server that answers a fetch with a well-formed pack in which something lacks is not believed.
func TestIncompletePackIsNotBelieved(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	var lacks atomic.Value
	lacks.Store("d2/f2")
	m.host.before = func(w http.ResponseWriter, r *http.Request) bool {
		path := lacks.Load().(string)
		if !strings.HasSuffix(r.URL.Path, "/git-upload-pack") || path == "" {
			return false
		}
		pack := m.bytes(m.objectsBut(path), "pack-objects", "--stdout", "-q")
		fmt.Fprint(w, pktLine("NAK\n"))
		for len(pack) > 0 {
			n := min(len(pack), 60_000)
			fmt.Fprint(w, pktLine("\x01"+string(pack[:n])))
			pack = pack[n:]
		}
		fmt.Fprint(w, "0000")
		return true
	}
	r := m.restart()
	for _, path := range []string{"d2/f2", "d2"} {
		lacks.Store(path)
		wrong(t, r, main, "did not send all")
	}
	lacks.Store("")
	m.intact(r)
}

// objectsBut lists all objects of the branch but what is at a path.
func (w *work) objectsBut(path string) string {
	var list strings.Builder
	for _, line := range strings.Split(w.git("rev-list", "--objects", "main"), "\n") {
		if hash, name, _ := strings.Cut(line, " "); name != path {
			fmt.Fprintln(&list, hash)
		}
	}
	return list.String()
}

// bytes returns what git writes, byte for byte.
func (w *work) bytes(stdin string, args ...string) []byte {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = w.dir, gitEnv(w.dir), strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		w.Errorf("git %v: %v", args, err)
	}
	return out
}

// A transfer that is cut leaves nothing that is taken for a repository; when the server is well again, so is the
// mirror.
func TestCutTransferThenWell(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	var share atomic.Int64 // percent of the answer that comes through
	share.Store(100)
	backend := m.host.Config.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/git-upload-pack") || share.Load() == 100 {
			backend.ServeHTTP(w, r)
			return
		}
		whole := httptest.NewRecorder()
		backend.ServeHTTP(whole, r)
		for k, v := range whole.Header() {
			w.Header()[k] = v
		}
		body := whole.Body.Bytes()
		w.Write(body[:len(body)*int(share.Load())/100])
	}))
	t.Cleanup(front.Close)
	open := func() *gitsource.Repository {
		store := gitsource.Open(m.dir, patient(gitsource.Options{}))
		t.Cleanup(store.Close)
		r, err := store.Repository(front.URL+"/.git", gitsource.Auth{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, percent := range []int64{0, 1, 30, 60, 99} {
		share.Store(percent)
		if got, err := open().Head(t.Context(), main); err == nil {
			t.Errorf("with %d%% of the answer the head is %s", percent, got)
		}
	}
	share.Store(100)
	r := open()
	m.intact(r)
	m.change("d2/f2", "second")
	for _, percent := range []int64{0, 50, 99} {
		share.Store(percent)
		if got, err := r.Head(t.Context(), main); err == nil {
			t.Errorf("with %d%% of the second answer the head is %s", percent, got)
		}
	}
	share.Store(100)
	m.intact(r)
}

// While a fetch hangs, what is in the mirror can be read, and kept.
func TestReadsDoNotWaitForAFetch(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	hanging, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var armed atomic.Bool
	m.host.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if armed.Load() && strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			once.Do(func() { close(hanging) })
			<-release
		}
		return false
	}
	r := m.restart()
	tip := head(t, r)
	m.change("d1/f1", "new")
	armed.Store(true)
	done := make(chan error, 1)
	go func() {
		_, err := r.Head(t.Context(), main)
		done <- err
	}()
	<-hanging
	readAll(t, r, tip)
	if h := between(t, r, tip, tip); h.Rewritten {
		t.Error("history is wrong")
	}
	if err := r.Keep("last", tip); err != nil {
		t.Error(err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	m.intact(r)
}

// A store that was closed leaves nothing running, whatever its repositories are spoken to through.
func TestNothingRunsAfterClose(t *testing.T) {
	w := newWork(t)
	w.commit("a")
	user, private := sshtest.NewKey(t)
	server, shell := serve(t, w.dir), serveSSH(t, user.PublicKey())
	before := goleak.IgnoreCurrent()
	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	auth := gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: shell.knownHosts()}
	for _, url := range []string{w.dir, server.URL + "/.git", "ssh://git@" + shell.address + w.dir, server.URL +
		"/nothing.git", w.dir + "/nothing"} {
		r, err := store.Repository(url, auth)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = r.Head(t.Context(), main)
	}
	store.Close()
	server.CloseClientConnections()
	left := goleak.Find(before)
	// What is left may be the servers' own for a while, on a busy machine.
	for end := time.Now().Add(5 * time.Minute); left != nil && time.Now().Before(end); {
		left = goleak.Find(before)
	}
	if left != nil {
		t.Error(left)
	}
}
