package page

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// into looks into the Sync that an address names, for somebody who may see it. done is to be called in any case.
func (p *Page) into(r *http.Request, who person) (l *looked, done func(), err error) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	if sees, err := who.sees(r.Context(), namespace, name); err != nil || !sees {
		return nil, func() {}, or(err, notThere("Sync "+namespace+"/"+name))
	}
	cluster, leave := p.watched.use()
	l, close, err := cluster.lookInto(namespace, name)
	if err != nil {
		return nil, leave, err
	}
	return l, func() { close(); leave() }, nil
}

func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// see is what was seen of a Sync last.
func (l *looked) see(ctx context.Context) (sight, error) {
	now, err := l.first(ctx)
	if err != nil && isGone(err) {
		return now, notThere("Sync " + l.namespace + "/" + l.name)
	}
	return now, err
}

// dataOf is what the page of a Sync is made of.
func (p *Page) dataOf(l *looked, s sight, r *http.Request) html.SyncData {
	q := r.URL.Query()
	d := html.SyncData{View: s.view, Sync: s.seen.Sync, Series: s.series, Group: q.Get(html.QueryGroup),
		Show: q.Get(html.QueryShow)}
	if why := s.unseen(); why != "" {
		d.View.Notes = append(slices.Clone(d.View.Notes), why)
	}
	d.Release, d.Is = p.reach.Released(&s.seen.Sync.Status)
	return d
}

// with is what is around a page of a Sync, with what somebody may do to it.
func (p *Page) with(ctx context.Context, who person, l *looked) (html.Page, error) {
	around := p.around(who)
	if !around.Lost.Since.IsZero() {
		return around, nil // nothing could be done
	}
	for verb, may := range map[string]*bool{verbSync: &around.May.Sync, verbSuspend: &around.May.Suspend,
		verbRelease: &around.May.Release, verbPromote: &around.May.Promote} {
		var err error
		if *may, err = who.may(ctx, verb, l.namespace, l.name); err != nil {
			return around, err
		}
	}
	return around, nil
}

// sync shows a Sync.
func (p *Page) sync(w http.ResponseWriter, r *http.Request, who person) error {
	l, done, err := p.into(r, who)
	defer done()
	if err != nil {
		return err
	}
	s, err := l.see(r.Context())
	if err != nil {
		return err
	}
	around, err := p.with(r.Context(), who, l)
	if err != nil {
		return err
	}
	around.Live, around.Told = true, told[r.URL.Query().Get(queryTold)]
	return write(w, func(b *bytes.Buffer) error { return html.Sync(b, around, p.dataOf(l, s, r)) })
}

// syncLive keeps it in step.
func (p *Page) syncLive(w http.ResponseWriter, r *http.Request, who person) error {
	l, done, err := p.into(r, who)
	defer done()
	if err != nil {
		return err
	}
	return p.stream(w, r, who, frames{
		changed: l.changed.next,
		next: func(ctx context.Context) (html.Frame, error) {
			s, err := l.see(ctx)
			if err != nil {
				return html.Frame{}, err
			}
			if err := p.stillSees(ctx, who, l.namespace, l.name); err != nil {
				return html.Frame{}, err
			}
			around, err := p.with(ctx, who, l)
			if err != nil {
				return html.Frame{}, err
			}
			around.Live = true
			return l.drawn.frame(s, around, p.dataOf(l, s, r))
		},
	})
}

// stillSees says if somebody may not see a Sync any more. While the API server cannot be asked nothing new can be seen
// either, so what stands there stays.
func (p *Page) stillSees(ctx context.Context, who person, namespace, name string) error {
	sees, err := who.sees(ctx, namespace, name)
	if since, _ := p.line.lost(); err != nil && !since.IsZero() || sees {
		return nil
	}
	return or(err, notThere("Sync "+namespace+"/"+name))
}

// commit shows a commit of a Sync, which may be named by its first digits.
func (p *Page) commit(w http.ResponseWriter, r *http.Request, who person) error {
	l, done, err := p.into(r, who)
	defer done()
	if err != nil {
		return err
	}
	s, err := l.see(r.Context())
	if err != nil {
		return err
	}
	commit, found := commitOf(s, r.PathValue("commit"))
	if !found {
		return notThere("commit " + api.Short(r.PathValue("commit")) + " that this Sync still knows of")
	}
	c, err := p.changesOf(r.Context(), who, s, commit)
	if err != nil {
		return err
	}
	d := p.dataOf(l, s, r)
	return write(w, func(b *bytes.Buffer) error {
		return html.Commit(b, p.around(who), html.CommitData{View: d.View, Sync: d.Sync, Series: d.Series,
			Commit: commit, Message: c.Message, Author: c.Author, Made: c.At, Against: c.against, Diff: c.text,
			Notes: c.notes})
	})
}

// commitOf is the only commit of a Sync that begins so.
func commitOf(s sight, prefix string) (commit string, found bool) {
	if len(prefix) < 7 {
		return "", false
	}
	for i := range s.view.Commits {
		c := s.view.Commits[i].Commit
		if !strings.HasPrefix(c, prefix) || c == commit {
			continue
		}
		if commit != "" {
			return "", false
		}
		commit = c
	}
	return commit, commit != ""
}
