package page_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/rollout"
)

// seenAt has the page note when it has painted a cell of another class, by the clock of the machine.
const seenAt = `window.seen = 0; new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
	window.seen = Date.now() }))).observe(document.getElementById("grid"), {subtree: true, attributes: true})`

// BenchmarkFromAChangeToThePixel is how long it takes, in the middle of nine, until a node that settles is seen to have
// settled, on a page that is open. The baseline is a page that is loaded anew as soon as the node has settled.
func BenchmarkFromAChangeToThePixel(b *testing.B) {
	f := newFleet(120)
	w := newWorld(b, fleets{"agents": f}, newSync("agents"))
	tab := w.tab(b, browsertest.Look{})
	for range b.N {
		f.are(rollout.IsOld, 0, 120)
		w.open(b, tab, "/syncs/logging/agents")
		are(tab, "120o")
		tab.Eval(seenAt, nil)
		var follows, anew []float64
		for i := range 9 {
			time.Sleep(1500 * time.Millisecond) // a frame a second is sent at most
			tab.Eval("window.seen = 0", nil)
			changed := time.Now()
			f.are(rollout.IsSettled, i, i+1)
			tab.Until("the change to be seen", "window.seen > 0")
			var seen int64
			tab.Eval("window.seen", &seen)
			follows = append(follows, float64(time.UnixMilli(seen).Sub(changed).Microseconds())/1000)
		}
		for range 9 {
			changed := time.Now()
			w.open(b, tab, "/syncs/logging/agents")
			anew = append(anew, float64(time.Since(changed).Microseconds())/1000)
		}
		compare(b, "pixel-p50", median(follows), "reload-p50", median(anew))
	}
}

// BenchmarkFirstPaintOf5000Nodes is when something stands on the page first, by the browser's own measure. The baseline
// is the same with 12 nodes.
func BenchmarkFirstPaintOf5000Nodes(b *testing.B) {
	w := newWorld(b, fleets{"large": newFleet(5000), "small": newFleet(12)}, newSync("large"), newSync("small"))
	tab := w.tab(b, browsertest.Look{})
	paint := func(name string) float64 {
		var all []float64
		for range 7 {
			w.open(b, tab, "/syncs/logging/"+name)
			tab.Until("the first paint", `performance.getEntriesByName("first-contentful-paint").length > 0`)
			var at float64
			tab.Eval(`performance.getEntriesByName("first-contentful-paint")[0].startTime`, &at)
			all = append(all, at)
		}
		return median(all)
	}
	for range b.N {
		compare(b, "paint-5000", paint("large"), "paint-12", paint("small"))
	}
}

// step times, in the middle of 21, what the script of the grid does when 50 of 5,000 nodes have changed, and what it
// would take to put a grid anew into the place of the old one.
const step = `(() => {
	const stream = document.querySelector('[hx-sse\\:connect]'), order = document.getElementById("grid").dataset.order;
	const steps = [], anew = [];
	for (let k = 1; k <= 21; k++) {
		const letters = "s".repeat(50 * k) + "o".repeat(5000 - 50 * k);
		const from = performance.now();
		stream.dispatchEvent(new CustomEvent("letters", {detail: {data: order + " " + letters}}));
		steps.push(performance.now() - from);
	}
	const html = document.getElementById("grid").outerHTML;
	for (let k = 0; k < 21; k++) {
		const from = performance.now();
		document.getElementById("grid").outerHTML = html;
		anew.push(performance.now() - from);
	}
	const middle = (all) => all.sort((a, b) => a - b)[10];
	return {step: middle(steps), anew: middle(anew), settled: document.querySelectorAll("#grid i.s").length};
})()`

// BenchmarkAStepOf50Nodes is the script's time of a step of 50 of 5,000 nodes. The baseline is a grid that is put anew
// into the place of the old one.
func BenchmarkAStepOf50Nodes(b *testing.B) {
	w := newWorld(b, fleets{"large": newFleet(5000)}, newSync("large"))
	tab := w.tab(b, browsertest.Look{})
	w.open(b, tab, "/syncs/logging/large")
	are(tab, "5000o")
	for range b.N {
		var took struct {
			Step, Anew float64
			Settled    int
		}
		tab.Eval(step, &took)
		if took.Settled != 21*50 {
			b.Fatalf("the steps were not taken: %d have settled", took.Settled)
		}
		compare(b, "step-of-50", took.Step, "grid-anew", took.Anew)
	}
}

// compare reports a figure, its baseline and how they compare, in milliseconds.
func compare(b *testing.B, name string, took float64, baseline string, other float64) {
	b.Helper()
	b.ReportMetric(took, "ms/"+name)
	b.ReportMetric(other, "ms/"+baseline)
	b.ReportMetric(took/other, fmt.Sprintf("%s:%s", name, baseline))
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
