// Package statuses reads what stands on a Git host about commits: their statuses.
package statuses

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/oneline"
)

// Status is one that a host lists.
type Status struct {
	Context, Description string
	// State is none of those that are known if the host's own word for it is no reporter's.
	State forge.State
	// Creator is the account that wrote it, as the host names it; empty if it does not say.
	Creator string
	// Time is when it came to this, by the host's clock.
	Time time.Time
}

// How many pages of a commit's statuses are read at most, and how many are asked for on each; Gitea sends 50.
const (
	maxPages = 10
	pageSize = 100
)

// Reader reads statuses again and again. Of what has not changed since, a host that can tell sends nothing. It is not
// safe for concurrent use.
type Reader struct {
	host *forge.Host
	list list
	now  func() time.Time
	// pages are those that were read last, by their paths.
	pages map[string]page
	// notBefore is when the host may be asked again, if it asked to be left alone.
	notBefore time.Time
}

// page is a page of statuses as a host sent it.
type page struct {
	etag     string
	statuses []listed
	more     bool
}

// listed is a status in a list: the one with the largest order is the newest.
type listed struct {
	Status
	order int64
}

// NewReader returns a reader of what stands on a host. The error is of hosts that do not list the statuses of a commit.
func NewReader(h *forge.Host) (*Reader, error) {
	l, ok := lists[h.Place().Provider]
	if !ok {
		return nil, fmt.Errorf("the statuses of a commit are not read from %s, which does not list those of one "+
			"repository", h.Place().Provider)
	}
	return &Reader{host: h, list: l, now: time.Now, pages: map[string]page{}}, nil
}

// Read reads the statuses of commits, of each the newest first. With an error it returns those that were read until
// then. While a host wants to be left alone it is not asked.
func (r *Reader) Read(ctx context.Context, commits []string) (map[string][]Status, error) {
	read := map[string][]Status{}
	if err := r.left(); err != nil {
		return read, err
	}
	caller, err := r.host.Reader(ctx)
	if err != nil {
		return read, err
	}
	used := map[string]bool{}
	for _, commit := range commits {
		if read[commit], err = r.commit(ctx, caller, commit, used); err != nil {
			delete(read, commit)
			return read, err
		}
	}
	maps.DeleteFunc(r.pages, func(path string, _ page) bool { return !used[path] })
	return read, nil
}

// commit reads all pages of the statuses of one commit.
func (r *Reader) commit(ctx context.Context, caller *forge.Caller, commit string, used map[string]bool,
) ([]Status, error) {
	var all []listed
	for number := 1; ; number++ {
		if number > maxPages {
			return nil, fmt.Errorf("commit %.7s has more than %d pages of statuses on %s, and no more are read", commit,
				maxPages, r.host.Place().Provider)
		}
		path := caller.Repository() + fmt.Sprintf(r.list.path, commit, pageSize, number)
		used[path] = true
		p, err := r.page(ctx, caller, path)
		if err != nil {
			return nil, err
		}
		all = append(all, p.statuses...)
		if !p.more {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b listed) int { return cmp.Compare(b.order, a.order) })
	var newest []Status
	for _, l := range all {
		newest = append(newest, l.Status)
	}
	return newest, nil
}

// page reads one page, unless it is as it was.
func (r *Reader) page(ctx context.Context, caller *forge.Caller, path string) (page, error) {
	if err := r.left(); err != nil {
		return page{}, err
	}
	known := r.pages[path]
	var body json.RawMessage
	reply := caller.Get(ctx, path, known.etag, &body)
	if reply.Pause > 0 {
		r.notBefore = r.now().Add(reply.Pause)
	}
	switch {
	case reply.Err != nil:
		return page{}, reply.Err
	case reply.Code == http.StatusNotModified:
		return known, nil
	}
	items, more, err := r.list.read(body)
	if err == nil {
		err = timed(items)
	}
	if err != nil {
		return page{}, fmt.Errorf("%s lists statuses in a way that is not understood: %w", r.host.Place().Provider, err)
	}
	p := page{etag: reply.Header.Get("ETag"), statuses: items, more: more || hasNext(reply.Header)}
	r.pages[path] = p
	return p, nil
}

// left is why nothing can be asked for now.
func (r *Reader) left() error {
	if r.now().Before(r.notBefore) {
		return fmt.Errorf("%s asks to be left alone until %s", r.host.Place().Provider,
			r.notBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

var errNoTime = errors.New("one has no time")

// timed makes statuses fit to be shown. One without a time would count from ever on.
func timed(items []listed) error {
	for i := range items {
		s := &items[i]
		if s.Time.IsZero() {
			return errNoTime
		}
		s.Context, s.Creator = oneline.Of(s.Context, 255), oneline.Of(s.Creator, 255)
		s.Description = oneline.Of(s.Description, 255)
	}
	return nil
}

// hasNext reports whether a host names a next page in a header.
func hasNext(h http.Header) bool {
	return slices.ContainsFunc(h.Values("Link"), func(link string) bool { return strings.Contains(link, `rel="next"`) })
}
