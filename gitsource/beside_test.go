package gitsource_test

import (
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// Refs that are wanted beside the one that is followed come with the poll, of few refs and of many, and cost no further
// request.
func TestRefsBesideCostNoRequest(t *testing.T) {
	t.Parallel()
	for _, refs := range []int{1, 200} {
		w := crowded(t, refs)
		server := serve(t, w.dir)
		r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
		requests := func() int64 { return server.adverts.Load() + server.looks.Load() + server.fetches.Load() }
		polls := func(n int) int64 {
			before := requests()
			for range n {
				head(t, r)
			}
			return requests() - before
		}
		polls(2)
		alone := polls(5)
		if _, at := r.Beside("refs/notes/daemongate/_hold/"); at.IsZero() != (refs == 200) {
			t.Errorf("%d refs: what nobody asked for is known: %v", refs, at)
		}
		tip := w.git("rev-parse", "main")
		w.git("update-ref", "refs/notes/daemongate/_hold/all", tip)
		polls(1)
		if beside := polls(5); beside != alone {
			t.Errorf("%d refs: 5 polls cost %d requests, and %d without refs beside", refs, beside, alone)
		}
		if got, at := r.Beside("refs/notes/daemongate/_hold/"); at.IsZero() || len(got) != 1 || got["all"] != tip {
			t.Errorf("%d refs: beside are %v, %v", refs, got, at)
		}
		w.git("update-ref", "-d", "refs/notes/daemongate/_hold/all")
		head(t, r)
		if got, at := r.Beside("refs/notes/daemongate/_hold/"); at.IsZero() || len(got) > 0 {
			t.Errorf("%d refs: beside are %v, %v", refs, got, at)
		}
	}
}
