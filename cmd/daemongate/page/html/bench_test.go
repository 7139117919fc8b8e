package html

import (
	"bytes"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	"github.com/daemongate/daemongate/sync/view"
)

// BenchmarkThePage makes the page of a Sync with 5,000 nodes, and its frame, compared with making the view that both are
// made of.
func BenchmarkThePage(b *testing.B) {
	d := judged(5000, func(i int) rollout.NodeState { return []rollout.NodeState{rollout.IsSettled, rollout.IsOld}[i/2500] })
	seen := view.Seen{Now: noon.Add(time.Minute), Sync: fleetSync(), Judged: []report.Judged{d}}
	data := SyncData{View: view.Of(seen), Sync: seen.Sync}
	took := func(work func()) float64 {
		began := time.Now()
		for range 20 {
			work()
		}
		return time.Since(began).Seconds() / 20
	}
	for b.Loop() {
		base := took(func() { view.Of(seen) })
		whole := took(func() {
			var out bytes.Buffer
			if err := Sync(&out, page(), data); err != nil {
				b.Fatal(err)
			}
		})
		one := took(func() { frame(b, page(), data) })
		b.ReportMetric(base*1e3, "view-ms")
		b.ReportMetric(whole/base, "page/view")
		b.ReportMetric(one/base, "frame/view")
	}
}
