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
// Who has told something of its own ref before knows where that is, and pushes at once.
func BenchmarkManyClustersTellAtOnce(b *testing.B) {
	const clusters = 300
	for b.Loop() {
		shared, _ := tellAtOnce(b, clusters, func(int) string { return "" })
		own, next := tellAtOnce(b, clusters, func(i int) string { return fmt.Sprintf("cluster-%d", i) })
		if own.again+next.again > 0 || own.lost+next.lost > 0 {
			b.Errorf("with a ref each: %d and %d pushes again, %d and %d that gave up", own.again, next.again, own.lost, next.lost)
		}
		for name, r := range map[string]round{"shared": shared, "own": own, "next": next} {
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
	requests int64
	again    int64 // pushes beyond one each
	lost     int64 // writers that gave up
	p95      time.Duration
	all      time.Duration
}

// tellAtOnce has that many writers, each of which knows nothing of the others, tell of one commit, and then once more.
func tellAtOnce(t testing.TB, writers int, cluster func(int) string) (first, next round) {
	repo, commits := newRepo(t, 1)
	s := serve(repo)
	var all []*forge.Notes
	for i := range writers {
		all = append(all, forge.NewNotes(s.URL+"/.git", cluster(i), remote.Auth{Username: "ada", Password: secret}, t.TempDir()))
	}
	tell := func(says string) (r round) {
		var pushes, lost atomic.Int64
		s.meddle.Store(func() { pushes.Add(1) })
		took, before, began := make([]time.Duration, writers), s.requests.Load(), time.Now()
		var group sync.WaitGroup
		for i, n := range all {
			group.Go(func() {
				letter := status(commits[0], fmt.Sprintf("daemongate/cluster-%d/platform/agents", i), forge.Success, says)
				if n.Report(t.Context(), []forge.Status{letter}).Err() != nil {
					lost.Add(1)
				}
				took[i] = time.Since(began)
			})
		}
		group.Wait()
		r = round{requests: s.requests.Load() - before, again: pushes.Load() - int64(writers), lost: lost.Load(),
			all: time.Since(began)}
		slices.Sort(took)
		r.p95 = took[writers*95/100]
		return r
	}
	return tell("Complete"), tell("Complete again")
}

// Clusters that tell at once never meet: each pushes once, also where the ref that all shared was in the way before.
func TestClustersThatTellAtOncePushOnceEach(t *testing.T) {
	const clusters = 12
	first, next := tellAtOnce(t, clusters, func(i int) string { return fmt.Sprintf("cluster-%d", i) })
	for _, r := range []round{first, next} {
		if r.again != 0 || r.lost != 0 {
			t.Errorf("%d pushes again, %d gave up", r.again, r.lost)
		}
	}
	if first.requests != 2*clusters || next.requests != clusters {
		t.Errorf("%d clusters sent %d requests, and then %d", clusters, first.requests, next.requests)
	}
}
