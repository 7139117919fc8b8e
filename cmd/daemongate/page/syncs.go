package page

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// mostAsked is how many questions are asked at most about what a person may see of a list. Who may see all, or all of a
// namespace, costs one.
const mostAsked = 300

// all shows all Syncs.
func (p *Page) all(w http.ResponseWriter, r *http.Request, who person) error {
	cluster, done := p.watched.use()
	defer done()
	rows, notice, err := p.rows(r.Context(), cluster, who)
	if err != nil {
		return err
	}
	around := p.around(who)
	around.Told, around.Live = notice, true
	return write(w, func(b *bytes.Buffer) error { return html.Syncs(b, around, rows, filterOf(r)) })
}

// allLive keeps it in step.
func (p *Page) allLive(w http.ResponseWriter, r *http.Request, who person) error {
	cluster, done := p.watched.use()
	defer done()
	filter := filterOf(r)
	return p.stream(w, r, who, frames{
		changed: cluster.changed.next,
		next: func(ctx context.Context) (html.Frame, error) {
			rows, notice, err := p.rows(ctx, cluster, who)
			if err != nil {
				return html.Frame{}, err
			}
			around := p.around(who)
			around.Told, around.Live = notice, true
			return html.SyncsFrame(around, rows, filter)
		},
	})
}

func filterOf(r *http.Request) html.Filter {
	q := r.URL.Query()
	return html.Filter{Text: q.Get(html.QueryText), Namespace: q.Get(html.QueryNamespace),
		State: q.Get(html.QueryState)}
}

// rows are the Syncs that somebody may see. notice says which others there may be.
func (p *Page) rows(ctx context.Context, cluster *watched, who person) (rows []html.Row, notice string, err error) {
	all, unread := cluster.all(ctx)
	seen, more, err := visible(ctx, who, all)
	switch {
	case err != nil:
		return nil, "", err
	case apierrors.IsNotFound(unread):
		return nil, "", &refusal{http.StatusNotFound, "Not installed", "This cluster does not know of Syncs.",
			"Install Daemongate: daemongate install"}
	case len(seen) == 0 && unread != nil:
		return nil, "", unread
	case unread != nil:
		notice = "Not all Syncs can be shown: " + unread.Error()
	case more:
		notice = "There may be more Syncs that you may see: each has its own address."
	}
	now := time.Now()
	for _, s := range seen {
		rows = append(rows, html.RowOf(s, now))
	}
	return rows, notice, nil
}

// visible are the Syncs that somebody may get. more says that not all of them were asked about.
func visible(ctx context.Context, who person, all []*api.Sync) (seen []*api.Sync, more bool, err error) {
	a := &seeing{who: who, known: map[string]bool{}}
	if everything, err := a.sees(ctx, "", ""); err != nil || everything {
		return all, false, err
	}
	for _, s := range all {
		sees, err := a.sees(ctx, s.Namespace, s.Name)
		if err != nil {
			return nil, false, err
		}
		if sees {
			seen = append(seen, s)
		}
	}
	return seen, a.more, nil
}

// seeing asks what somebody may get: all Syncs, or all of a namespace, before single ones.
type seeing struct {
	who   person
	known map[string]bool
	asked int
	more  bool // not all were asked about
}

// sees reports whether they may get a Sync; all of the cluster without a namespace.
func (a *seeing) sees(ctx context.Context, namespace, name string) (bool, error) {
	for _, one := range [][2]string{{"", ""}, {namespace, ""}, {namespace, name}} {
		key := one[0] + "/" + one[1]
		sees, known := a.known[key]
		if !known {
			if a.asked++; a.asked > mostAsked {
				a.more = true
				return false, nil
			}
			var err error
			if sees, err = a.who.sees(ctx, one[0], one[1]); err != nil {
				return false, err
			}
			a.known[key] = sees
		}
		if sees || one == [2]string{namespace, name} {
			return sees, nil
		}
	}
	return false, nil
}

// write writes a page whole, or not at all.
func write(w http.ResponseWriter, make func(*bytes.Buffer) error) error {
	var b bytes.Buffer
	if err := make(&b); err != nil {
		return errors.Join(errors.New("the page cannot be made: this is a fault of Daemongate's"), err)
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(b.Bytes()) // who went away does not hear it
	return nil
}
