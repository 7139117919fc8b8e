package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A controller's apply of v2 is held on its way, after the guard has let it through. Another one takes over, brings v2 and
// then v3. When the late apply arrives, the API server refuses it, and v3 stays as it is.
func TestALateApplyIsRefused(t *testing.T) {
	t.Parallel()
	w := newLeaseWorldOn(t, shared.Start(t), "late")
	between := w.watched()
	first, second := w.pairVia(between.kubeconfig, "15s")
	w.waitState(w.push("v1"), api.Complete)
	between.late.armed.Store(true)
	v2 := w.push("v2")
	clustertest.Until(t, 2*time.Minute, "the apply of v2 to be on its way", func() (string, bool) {
		return fmt.Sprintf("%q", between.changes()), !between.late.armed.Load()
	})

	check(t, first.process.Signal(syscall.SIGSTOP))
	defer func() { _ = first.process.Signal(syscall.SIGCONT) }() // so that it can be ended
	second.waitSays(t, 2*time.Minute, fmt.Sprintf("process %d on %s has not renewed it for 15s", first.process.Pid,
		hostname(t)))
	w.waitState(v2, api.Complete)
	v3 := w.push("v3")
	w.waitState(v3, api.Complete)
	w.hasGeneration(3)

	close(between.late.released)
	select {
	case code := <-between.late.answered:
		if code != http.StatusConflict {
			t.Errorf("the late apply was answered with %d", code)
		}
	case <-time.After(5 * time.Minute):
		t.Fatal("the late apply was not answered")
	}
	w.hasGeneration(3)
	w.waitState(v3, api.Complete)
}

// late holds one apply of the agent on its way, when it is armed.
type late struct {
	armed    atomic.Bool
	released chan struct{}
	answered chan int
}

// holds reports whether this is the request that is held.
func (l *late) holds(r *http.Request) bool {
	return r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/daemonsets/agent") &&
		!strings.Contains(r.URL.RawQuery, "dryRun") && l.armed.CompareAndSwap(true, false)
}

// deliver sends a request that was held. Who sent it stands still, or waits for its answer.
func (l *late) deliver(r *http.Request, to http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		l.answered <- 0
		return
	}
	select {
	case <-l.released:
	case <-r.Context().Done(): // the test ends early
		return
	}
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	to.ServeHTTP(answer, r)
	l.answered <- answer.Code
}
