package browsertest

import (
	"encoding/base64"
	"fmt"
)

// keys are the codes of the keys that are no letters.
var keys = map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
	"ArrowRight": 39, "ArrowDown": 40}

// Press presses keys, one after the other, by the names that JavaScript has for them.
func (tab *Tab) Press(names ...string) {
	tab.t.Helper()
	for _, name := range names {
		code, ok := keys[name]
		if !ok {
			tab.t.Fatalf("no key %q", name)
		}
		key := map[string]any{"key": name, "code": name, "windowsVirtualKeyCode": code, "type": "rawKeyDown"}
		if name == "Enter" {
			key["type"], key["text"] = "keyDown", "\r"
		}
		tab.call("Input.dispatchKeyEvent", key, nil)
		tab.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "code": name,
			"windowsVirtualKeyCode": code}, nil)
	}
}

// Click clicks with the mouse in the middle of an element.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	var at struct{ X, Y float64 }
	tab.Eval(fmt.Sprintf(`(() => { const e = document.querySelector(%s); e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2} })()`,
		quote(selector)), &at)
	for _, kind := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		tab.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left",
			"clickCount": 1}, nil)
	}
}

// Screenshot is a picture of the window, as PNG.
func (tab *Tab) Screenshot() []byte {
	tab.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	tab.call("Page.captureScreenshot", map[string]any{"format": "png", "optimizeForSpeed": false}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		tab.t.Fatal(err)
	}
	return png
}

// Metrics are what Chromium has measured of the page since it was opened, by its own names, in seconds and bytes.
func (tab *Tab) Metrics() map[string]float64 {
	tab.t.Helper()
	var measured struct {
		Metrics []struct {
			Name  string  `json:"name"`
			Value float64 `json:"value"`
		} `json:"metrics"`
	}
	tab.call("Performance.getMetrics", nil, &measured)
	by := map[string]float64{}
	for _, m := range measured.Metrics {
		by[m.Name] = m.Value
	}
	return by
}
