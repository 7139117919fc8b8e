package page

import (
	"bytes"
	"context"
	"net/http"
	gosync "sync"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
)

// mostFleets is how many fleets are read for the page that lists them.
const mostFleets = 10

// fleets shows the repositories that Syncs follow which somebody may see, with what their fleets come to. The only one
// is shown itself.
func (p fleetPages) fleets(w http.ResponseWriter, r *http.Request, who person) error {
	if p.reach.Fleets == nil {
		return noFleets
	}
	filter, err := fleetFilterOf(r)
	if err != nil {
		return err
	}
	cluster, done := p.watched.use()
	defer done()
	all, unread := cluster.all(r.Context())
	if unread != nil && len(all) == 0 {
		return unread
	}
	syncs, more, err := visible(r.Context(), who, all)
	if err != nil {
		return err
	}
	around := p.around(who)
	if more || unread != nil {
		around.Told = "There may be more Syncs that you may see: each has its own address."
	}
	followed := followedBy(syncs)
	if len(followed) == 1 && around.Told == "" {
		only := around.FleetPath(followed[0].sync.Namespace, followed[0].sync.Name)
		if r.URL.RawQuery != "" {
			only += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, only, http.StatusSeeOther)
		return nil
	}
	rows, err := p.fleetRows(r.Context(), who, followed, filter.Limit)
	if err != nil {
		return err
	}
	return write(w, func(b *bytes.Buffer) error { return html.Fleets(b, around, rows) })
}

// followed is what Syncs of this cluster follow.
type followed struct {
	sync  *api.Sync // one of them, that is asked for it
	syncs int
}

// followedBy is what Syncs follow, each once.
func followedBy(syncs []*api.Sync) (list []*followed) {
	known := map[string]*followed{}
	for _, s := range syncs {
		key := s.Spec.Source.URL + " " + source.Follows(s).String()
		f := known[key]
		if f == nil {
			f = &followed{sync: s}
			known[key] = f
			list = append(list, f)
		}
		if f.syncs++; f.sync.Spec.Suspend && !s.Spec.Suspend {
			f.sync = s
		}
	}
	return list
}

// fleetRows are the rows of what Syncs follow.
func (p fleetPages) fleetRows(ctx context.Context, who person, list []*followed, limit int) ([]html.FleetRow, error) {
	rows, errs := make([]html.FleetRow, len(list)), make([]error, len(list))
	var all gosync.WaitGroup
	for i, f := range list {
		s := f.sync
		rows[i] = html.FleetRow{Namespace: s.Namespace, Name: s.Name, Repository: s.Spec.Source.URL,
			Ref: source.Follows(s).String(), Syncs: f.syncs, Why: "Open it to have it read."}
		if i >= mostFleets {
			continue
		}
		all.Go(func() {
			read, seen, err := p.fleetOf(ctx, who, s, limit)
			if errs[i] = err; err != nil {
				return
			}
			if rows[i].Why = read.Why; !read.Read.IsZero() {
				sum := html.SumOf(seen.board)
				rows[i].Sum = &sum
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}
