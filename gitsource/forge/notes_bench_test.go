package forge_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// How 300 clusters tell of one commit at once, each in a process of its own for all that they know: with a ref of
// their own, beside all in one ref as it was before. Each reads the refs and pushes, and whoever was late does it again.
func BenchmarkManyClustersTellAtOnce(b *testing.B) {
	const clusters = 300
	for b.Loop() {
		shared := tellAtOnce(b, clusters, func(int) string { return "" })
		own := tellAtOnce(b, clusters, func(i int) string { return fmt.Sprintf("cluster-%d", i) })
		if own.again > 0 || own.lost > 0 {
			b.Errorf("with a ref each: %d pushes again, %d that gave up", own.again, own.lost)
		}
		for name, r := range map[string]round{"shared": shared, "own": own} {
			b.ReportMetric(float64(r.again), name+"-again")
			b.ReportMetric(float64(r.lost), name+"-lost")
			b.ReportMetric(r.p95.Seconds(), name+"-p95-s")
			b.ReportMetric(r.all.Seconds(), name+"-all-s")
		}
		b.ReportMetric(shared.all.Seconds()/own.all.Seconds(), "shared/own")
	}
}

// round is how it went when all told of a commit.
type round struct {
	again int64 // pushes beyond one each
	lost  int64 // writers that gave up
	p95   time.Duration
	all   time.Duration
}

// tellAtOnce has that many writers, each of which knows nothing of the others, tell of one commit.
func tellAtOnce(t testing.TB, writers int, cluster func(int) string) (r round) {
	repo, commits := newRepo(t, 1)
	s := serve(repo)
	var pushes, lost atomic.Int64
	s.meddle.Store(func() { pushes.Add(1) })
	took := make([]time.Duration, writers)
	began := time.Now()
	var group sync.WaitGroup
	for i := range writers {
		n := forge.NewNotes(s.URL+"/.git", cluster(i), remote.Auth{Username: "ada", Password: secret}, t.TempDir())
		group.Go(func() {
			letter := status(commits[0], fmt.Sprintf("daemongate/cluster-%d/platform/agents", i), forge.Success, "Complete")
			if n.Report(t.Context(), []forge.Status{letter}).Err() != nil {
				lost.Add(1)
			}
			took[i] = time.Since(began)
		})
	}
	group.Wait()
	r = round{again: pushes.Load() - int64(writers), lost: lost.Load(), all: time.Since(began)}
	slices.Sort(took)
	r.p95 = took[writers*95/100]
	return r
}

// Clusters that tell at once never meet: each pushes once, also where the ref that all shared was in the way before.
func TestClustersThatTellAtOncePushOnceEach(t *testing.T) {
	if r := tellAtOnce(t, 12, func(i int) string { return fmt.Sprintf("cluster-%d", i) }); r.again != 0 || r.lost != 0 {
		t.Fatalf("%d pushes again, %d gave up", r.again, r.lost)
	}
}
