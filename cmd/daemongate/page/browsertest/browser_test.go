package browsertest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

var shared Shared

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Stop()
	os.Exit(code)
}

// serve serves one page, with a policy that allows scripts and styles of its own address only.
func serve(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src * data:")
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(`<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">` +
				`<link rel="stylesheet" href="/s.css"><script type="module" src="/s.js"></script></head>` +
				`<body><main><h1>A page</h1>` + body + `</main></body></html>`))
		case "/s.css":
			w.Header().Set("Content-Type", "text/css")
			_, _ = w.Write([]byte(`.pale { color: #bbb; background: #fff }
				@media (prefers-color-scheme: dark) { .pale { color: #444; background: #000 } } .wide { width: 500px }`))
		case "/s.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(`document.addEventListener("keydown", e => document.querySelector("h1").textContent = e.key)`))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A page without a fault gives the browser nothing to complain of, and what a person reads and presses arrives.
func TestAPageIsReadAndPressed(t *testing.T) {
	tab := shared.Start(t).Tab(t, Look{})
	tab.Open(serve(t, "<p>Twelve nodes</p>"))
	tab.UntilText("Twelve nodes")
	tab.Press("ArrowRight")
	tab.UntilText("ArrowRight")
	if said := tab.Accessible(); len(said) > 0 {
		t.Error(said)
	}
	if png := tab.Screenshot(); !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("no picture: %.20q", png)
	}
}

// With JavaScript switched off the page's scripts do nothing, and the test still sees what stands there.
func TestScriptsAreSwitchedOff(t *testing.T) {
	tab := shared.Start(t).Tab(t, Look{NoScript: true})
	tab.Open(serve(t, "<noscript>Without scripts</noscript>"))
	tab.UntilText("Without scripts")
	tab.Press("ArrowRight")
	if title := tab.Text("h1"); title != "A page" {
		t.Errorf("a script has run: %s", title)
	}
}

// Everything that a page may not do is told by the browser: a breach of the policy, a picture that is missing or of
// another host.
func TestABrowserComplains(t *testing.T) {
	for body, want := range map[string]string{
		`<p style="color: red">Red</p>`:                     "Content Security Policy",
		`<script>document.title = "x"</script>`:             "Content Security Policy",
		`<img src="/missing.png" alt="">`:                   "404",
		`<img src="http://elsewhere.example/a.png" alt="">`: "another host: http://elsewhere.example/a.png",
	} {
		t.Run(want, func(t *testing.T) {
			tab := shared.Start(t).Tab(t, Look{})
			tab.Open(serve(t, body))
			clustertest.Until(t, time.Minute, "a complaint of "+want, func() (string, bool) {
				said := strings.Join(tab.Complaints(), "\n")
				return said, strings.Contains(said, want)
			})
			tab.Except("") // all of them
		})
	}
}

// Text that is too pale is found in the light and in the dark, and a page that is too wide is seen to be.
func TestPaleTextIsFound(t *testing.T) {
	tab := shared.Start(t).Tab(t, Look{Width: 360, Height: 640})
	tab.Open(serve(t, `<p class="pale wide">Pale</p>`))
	for _, dark := range []bool{false, true} {
		tab.Change(Look{Width: 360, Height: 640, Dark: dark})
		if said := tab.Accessible(); !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "color-contrast") }) {
			t.Errorf("dark %t: not found to be pale: %v", dark, said)
		}
	}
	var wide bool
	if tab.Eval(`document.documentElement.scrollWidth > innerWidth || innerWidth > 360`, &wide); !wide {
		t.Error("a page of 500 pixels fits 360")
	}
}

// What checks the page is axe-core as its makers have published it.
func TestAxeIsUnchanged(t *testing.T) {
	script, err := axeScript()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(script))
	if got := hex.EncodeToString(sum[:]); got != "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c" {
		t.Errorf("axe.min.js of axe-core 4.14.1 has another hash: %s", got)
	}
}
