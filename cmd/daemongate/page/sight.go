package page

import (
	"slices"
	"strings"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// sight is what was seen of a Sync last.
type sight struct {
	seen view.Seen
	view view.View
	is   bool // something was seen
	// series is what was seen of the nodes so far.
	series *html.Series
	// number tells sights apart.
	number int
	err    error // why nothing newer is seen
}

// isOlder reports whether a Sync of which nothing could be judged says more than what was seen before: of the same
// commit in flight it does not.
func (s sight) isOlder(read view.Seen) bool {
	if read.Sync == nil || len(s.seen.Judged) == 0 {
		return read.Sync != nil
	}
	before, now := s.seen.Sync.Status.InFlight, read.Sync.Status.InFlight
	return now == nil || before == nil || now.Commit != before.Commit
}

// unseen says why the nodes are not seen as they are now; empty if they are.
func (s sight) unseen() string {
	switch {
	case s.err == nil:
		return ""
	case len(s.seen.Judged) == 0:
		return "The nodes cannot be looked at, so what the controller has written stands here: " + s.err.Error()
	}
	return "The nodes have not been seen anew since " + s.seen.Now.UTC().Format("15:04:05Z") + ": " + s.err.Error()
}

// then is what is seen after that. What was seen of nodes is forgotten once a Sync is to tell of none.
func (s sight) then(seen view.Seen) sight {
	if s.series == nil || seen.Sync.Spec.Report.CountsOnly() && len(s.seen.Judged) > len(seen.Judged) {
		s.series = &html.Series{}
	}
	s.seen, s.view, s.is = seen, viewOf(seen), true
	s.series.See(&s.view)
	return s
}

// viewOf is the view of what was seen. Of what the page does not judge anew it has what the controller has found.
func viewOf(seen view.Seen) view.View {
	v := view.Of(seen)
	f := seen.Sync.Status.InFlight
	if f == nil || len(seen.Judged) == 0 || len(seen.Judged) >= len(f.Workloads) {
		return v
	}
	written := view.Of(view.Seen{Now: seen.Now, Sync: seen.Sync})
	for i := range written.Causes {
		if c := &written.Causes[i]; !strings.HasPrefix(c.Object, "DaemonSet ") && !c.IsOfPace() {
			v.Causes = append(v.Causes, *c)
		}
	}
	isOpen := func(d view.DaemonSet) bool { return string(d.Verdict) != string(api.Complete) }
	if !slices.ContainsFunc(v.DaemonSets, isOpen) {
		v.Verdict = written.Verdict
	}
	return v
}
