package html

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/rollout"
)

var browser browsertest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Stop()
	os.Exit(code)
}

// server serves the page of a Sync, and its stream while it does not refuse to.
type server struct {
	t       *testing.T
	data    atomic.Pointer[SyncData]
	refuses atomic.Bool
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'")
	switch asset, isAsset := strings.CutPrefix(r.URL.Path, "/assets/"); {
	case isAsset:
		content, mediaType, _ := Asset(asset)
		if strings.HasPrefix(asset, "hx-sse") {
			time.Sleep(200 * time.Millisecond) // whatever comes last comes late
		}
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(content)
	case !strings.HasSuffix(r.URL.Path, "/live"):
		_ = Sync(w, page(), *s.data.Load())
	case s.refuses.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = Problem(w, page(), "Too many", "Too many pages are followed.", "")
	default:
		s.stream(w, r)
	}
}

// stream sends a frame whenever there is another one, until it refuses to.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	var before *Frame
	for r.Context().Err() == nil && !s.refuses.Load() {
		now, err := SyncFrame(page(), *s.data.Load())
		if err != nil {
			s.t.Error(err)
			return
		}
		for _, m := range now.Since(before, r.URL.Query().Get(QueryOrder)) {
			_, _ = fmt.Fprintf(w, "event: %s\nid: %s\ndata: %s\n\n", m.Event, m.ID, strings.ReplaceAll(m.Data, "\n", "\ndata: "))
		}
		_ = http.NewResponseController(w).Flush()
		before = &now
		time.Sleep(20 * time.Millisecond)
	}
}

// A page that is open follows what happens, to the title of its tab, keeps what is open in it, and says when there is no
// news any more, until there is again. A stream that is refused takes nothing of the page away.
func TestAnOpenPageFollowsAndSaysWhenItCannot(t *testing.T) {
	s := &server{t: t}
	first, then := rollingOut(40), stuck(41)
	s.data.Store(&first)
	s.refuses.Store(true)
	served := httptest.NewServer(s)
	t.Cleanup(served.Close)
	t.Cleanup(served.CloseClientConnections)
	tab := browser.Start(t).Tab(t, browsertest.Look{})
	tab.Except("503", "Service Unavailable")
	tab.Open(served.URL + "/syncs/logging/agents")
	tab.Until("the page to say that it has no news", `!document.getElementById("silence").hidden`)
	if text := tab.Text("main"); !strings.Contains(text, "20/40 settled") || strings.Contains(text, "Too many") {
		t.Errorf("the page is %s", text)
	}

	s.refuses.Store(false)
	tab.Until("the page to have news, although its first stream was refused", `document.getElementById("silence").hidden`)

	tab.Open(served.URL + "/syncs/logging/agents")
	tab.Eval(`document.querySelector("#acts details").open = true; document.getElementById("field").focus()`, nil)
	tab.Press("End")
	tab.Until("the last node to be named", `document.getElementById("chosen").textContent === "node-0039: old pod"`)
	s.data.Store(&then)
	tab.Until("the tab to tell", `document.title.startsWith("✗ logging/agents")`)
	tab.Until("the nodes to be those of the frame", fmt.Sprintf(`[...document.querySelectorAll("#grid i")].map(
		i => i.classList[0]).join("") === %q`, lettersOf(t, then)))
	tab.Until("the cell to stay chosen", `document.querySelectorAll("#grid i.chosen").length === 1 &&
		document.getElementById("chosen").textContent === "node-0039: old pod"`)
	var kept bool
	if tab.Eval(`document.querySelectorAll("#acts details[open]").length > 0 && document.getElementById("silence").hidden`, &kept); !kept {
		t.Error("what was open is closed, or the page says that it has no news")
	}

	s.refuses.Store(true)
	tab.Until("the page to say that it has no news", `!document.getElementById("silence").hidden`)
	s.refuses.Store(false)
	tab.Until("the page to have news again", `document.getElementById("silence").hidden`)
	done := dataOf(fleetSync(), judged(41, func(int) rollout.NodeState { return rollout.IsSettled }))
	s.data.Store(&done)
	tab.Until("the groups to be counted", `[...document.querySelectorAll(".group p")].map(p => p.textContent).join() ===
		"eu-1a 14/14,eu-1b 14/14,eu-1c 13/13"`)
}

func lettersOf(t *testing.T, d SyncData) string { return frame(t, page(), d).Letters }
