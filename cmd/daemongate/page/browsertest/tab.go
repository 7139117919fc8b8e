package browsertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// patience bounds how long something may take to be seen, on a machine that is busy with other tests.
const patience = 2 * time.Minute

// Look is how somebody looks at pages.
type Look struct {
	Width, Height int // of the window; 1280 by 800 if zero
	Dark          bool
	Forced        bool // the system's few colours stand in the place of the page's, as with high contrast
	NoScript      bool // JavaScript is switched off
}

// Tab is a window with cookies of its own, as one test uses it.
type Tab struct {
	t testing.TB
	*window
}

type window struct {
	browser *Browser
	session string
	close   func()

	mu       sync.Mutex
	host     string   // of the pages that were opened
	trouble  []string // what the console says, and requests to others
	excepted []string
}

// Tab opens an empty tab, which is closed when the test ends. The test fails if the browser then has something to
// complain of: an error or a warning on the console, a breach of the content security policy, a request to another
// host.
func (b *Browser) Tab(t testing.TB, look Look) *Tab {
	t.Helper()
	tab := &Tab{t, &window{browser: b}}
	var made struct {
		BrowserContextID string `json:"browserContextId"`
		TargetID         string `json:"targetId"`
		SessionID        string `json:"sessionId"`
	}
	ask := func(method string, params map[string]any) {
		t.Helper()
		if err := b.pipe.call("", method, params, &made); err != nil {
			t.Fatal(err)
		}
	}
	ask("Target.createBrowserContext", map[string]any{})
	ask("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": made.BrowserContextID})
	ask("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true})
	tab.session = made.SessionID
	b.pipe.hear(tab.session, tab.hear)
	tab.close = sync.OnceFunc(func() {
		_ = b.pipe.call("", "Target.disposeBrowserContext",
			map[string]any{"browserContextId": made.BrowserContextID}, nil)
		b.pipe.hear(tab.session, nil)
	})
	t.Cleanup(tab.Close)
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Performance"} {
		tab.call(domain+".enable", nil, nil)
	}
	tab.call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil) // as if it alone were in front
	tab.Change(look)
	return tab
}

// Close closes the tab before the test ends: before a server ends that goes with the test's context.
func (tab *Tab) Close() {
	tab.t.Helper()
	tab.close()
	tab.report()
}

// For is the tab for a part of the test, which fails by itself for what the browser complains of meanwhile.
func (tab *Tab) For(t testing.TB) *Tab {
	part := &Tab{t, tab.window}
	t.Cleanup(part.report)
	return part
}

// Change changes how somebody looks at the page.
func (tab *Tab) Change(look Look) {
	tab.t.Helper()
	if look.Width == 0 {
		look.Width, look.Height = 1280, 800
	}
	scheme, forced := "light", "none"
	if look.Dark {
		scheme = "dark"
	}
	if look.Forced {
		forced = "active"
	}
	tab.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": look.Width, "height": look.Height,
		"deviceScaleFactor": 1, "mobile": look.Width < 600}, nil)
	tab.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme}, {"name": "forced-colors", "value": forced},
		{"name": "prefers-reduced-motion", "value": "reduce"}}}, nil)
	tab.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": look.NoScript}, nil)
}

// Open goes to a page, and returns when it has been loaded.
func (tab *Tab) Open(address string) {
	tab.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tab.t.Fatal(err)
	}
	tab.mu.Lock()
	tab.host = u.Host
	tab.mu.Unlock()
	var went struct {
		ErrorText string `json:"errorText"`
	}
	tab.call("Page.navigate", map[string]any{"url": address}, &went)
	if went.ErrorText != "" {
		tab.t.Fatalf("open %s: %s", address, went.ErrorText)
	}
	tab.Until("the page to be loaded", `document.readyState === "complete"`)
}

// Eval evaluates JavaScript, a promise to its end, and decodes the value. It works with scripts switched off too.
func (tab *Tab) Eval(expression string, value any) {
	tab.t.Helper()
	if err := tab.eval(expression, value); err != nil {
		tab.t.Fatal(err)
	}
}

func (tab *Tab) eval(expression string, value any) error {
	var r struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	err := tab.browser.pipe.call(tab.session, "Runtime.evaluate",
		map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	switch {
	case err != nil:
		return err
	case r.Exception != nil:
		return fmt.Errorf("%s: %s %s", cut(expression), r.Exception.Text, r.Exception.Exception.Description)
	case value == nil:
		return nil
	case r.Result.Value == nil:
		return fmt.Errorf("%s: no value", cut(expression))
	}
	return json.Unmarshal(r.Result.Value, value)
}

// Until waits until an expression is true; one that fails, as all do while the page changes, is not yet.
func (tab *Tab) Until(what, expression string) {
	tab.t.Helper()
	clustertest.Until(tab.t, patience, what, func() (string, bool) {
		var holds bool
		if err := tab.eval("Boolean("+expression+")", &holds); err != nil {
			return err.Error(), false
		}
		if holds {
			return "", true
		}
		return "the page says:\n" + tab.text("body"), false
	})
}

// UntilText waits until each of the texts is on the page, as a person sees it.
func (tab *Tab) UntilText(texts ...string) {
	tab.t.Helper()
	for _, text := range texts {
		tab.Until(strconv.Quote(text), "document.body.innerText.includes("+quote(text)+")")
	}
}

// Text is what a person reads in an element.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	var text string
	tab.Eval("document.querySelector("+quote(selector)+").innerText", &text)
	return text
}

func (tab *Tab) text(selector string) string {
	var text string
	if err := tab.eval("document.querySelector("+quote(selector)+").innerText", &text); err != nil {
		return err.Error()
	}
	return text
}

// HTML is the whole document as it now is.
func (tab *Tab) HTML() string {
	tab.t.Helper()
	var text string
	tab.Eval("document.documentElement.outerHTML", &text)
	return text
}

func (tab *Tab) call(method string, params, result any) {
	tab.t.Helper()
	if err := tab.browser.pipe.call(tab.session, method, params, result); err != nil {
		tab.t.Fatal(errors.Join(err, errors.New(strings.Join(tab.Complaints(), "\n"))))
	}
}

func cut(text string) string {
	if len(text) > 200 {
		return text[:200] + "…"
	}
	return text
}
