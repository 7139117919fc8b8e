package gitsource_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

const crowd = 1_000

// crowdHead has a thousand ask where the branch is, as that many Syncs do, and returns the last answer.
func crowdHead(t testing.TB, r *gitsource.Repository) string {
	t.Helper()
	var last string
	var all sync.WaitGroup
	for i := range crowd {
		all.Go(func() {
			got, err := r.HeadWithin(t.Context(), main, time.Hour)
			if err != nil {
				t.Error(err)
			}
			if i == crowd-1 {
				last = got
			}
		})
	}
	all.Wait()
	return last
}

// A thousand Syncs of one repository cost one poll: those that come while one is under way may need a second.
func TestAThousandSyncsCostOnePoll(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	server := serve(t, w.dir)
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	if got := crowdHead(t, r); got != tip {
		t.Errorf("head is %s, want %s", got, tip)
	}
	if n := server.adverts.Load(); n > 2 {
		t.Errorf("a thousand Syncs cost %d advertisements", n)
	}
	before := server.adverts.Load()
	crowdHead(t, r)
	r.Reopen()
	crowdHead(t, r)
	if n := server.adverts.Load(); n != before {
		t.Errorf("another two thousand polls within the hour cost %d advertisements", n-before)
	}
	if n := r.OpenReaders(); n != 0 {
		t.Errorf("a thousand polls that found nothing new opened %d readers of the mirror", n)
	}
	if n := server.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// A server that is down is not asked a thousand times either, and is asked again in time.
func TestAFailureIsShared(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	server := serve(t, w.dir)
	server.before = func(w http.ResponseWriter, _ *http.Request) bool { http.Error(w, "down", 503); return true }
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	wrong(t, r, main, "status 503")
	for range 3 {
		if _, err := r.HeadWithin(t.Context(), main, time.Hour); err == nil {
			t.Error("no error")
		}
	}
	expect(t, server, 1, 0)
	server.before = nil
	if got, err := r.HeadWithin(t.Context(), main, 0); err != nil || got != tip {
		t.Errorf("head is %s: %v", got, err)
	}
}

// A thousand Syncs that poll one repository at once.
func BenchmarkAThousandSyncs(b *testing.B) {
	w := newWork(b)
	w.commit("a")
	server := serve(b, w.dir)
	r := open(b, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	head(b, r)
	before := server.adverts.Load()
	for b.Loop() {
		head(b, r) // the one whose turn it is
		crowdHead(b, r)
	}
	b.ReportMetric(float64(server.adverts.Load()-before)/float64(b.N), "adverts/op")
}
