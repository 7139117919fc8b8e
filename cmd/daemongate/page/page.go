// Package page serves the page: who may see and do what, what is read for it while somebody looks, and the streams that
// keep open pages in step. What stands on it is made by package html.
package page

import (
	"context"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Reach is what the page has of the others.
type Reach struct {
	// Config reads what is shown.
	Config *rest.Config
	// Namespaces are those whose Syncs are shown; all if empty.
	Namespaces []string
	// Cluster is how people call it; empty where nobody has said.
	Cluster string
	// Sight prepares looking at what commits in flight wait for, with watches that all such looks share.
	Sight func(*rest.Config) (Sight, error)
	// Released is the commit that a release would speak of, and how it is; empty if there is none.
	Released func(*api.SyncStatus) (string, api.CommitState)
	// Changes is what commits have changed; nil where no repository can be read.
	Changes Changes
	// Fleets are what clusters have told of commits; nil where no repository can be read.
	Fleets Fleets
}

// Changes is what a commit of a Sync has changed against one before it, as far as that is known before ctx ends.
type Changes func(ctx context.Context, s *api.Sync, before, commit string) changes.Of

// Sight looks at what commits in flight wait for. Nothing is watched before the first one is followed.
type Sight struct {
	Follow func(*api.Sync) (follow.Follower, error)
	Stop   func()
}

// lingers is how long watches stay open for who goes on to another page.
const lingers = 15 * time.Second

// contentType is that of every page.
const contentType = "text/html; charset=utf-8"

// Page is what is served.
type Page struct {
	reach   Reach
	door    door
	line    *line
	watched *shared[*watched]
	streams *streams
}

// newPage makes a page that reads nothing until somebody looks.
func newPage(r Reach, d door) (*Page, error) {
	l := &line{}
	config := rest.CopyConfig(r.Config)
	config.Wrap(l.wrap)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	first, err := r.Sight(config)
	if err != nil {
		return nil, err
	}
	first.Stop()
	syncs := sync.NewSyncs(client)
	return &Page{reach: r, door: d, line: l, streams: newStreams(), watched: &shared[*watched]{lingers: lingers,
		close: (*watched).stop, open: func() *watched {
			return watch(r.Namespaces, syncs, func() (Sight, error) { return r.Sight(config) }, lingers)
		}}}, nil
}

// InCluster is the page as the controller serves it: to whom the API server lets get a Sync, by a bearer token. With
// acts it also does what they ask for, with their own token.
func InCluster(r Reach, acts bool) (*Page, error) {
	r.Sight = withoutNodes(r.Sight)
	d, err := newBearers(r.Config, acts)
	if err != nil {
		return nil, err
	}
	return newPage(r, d)
}

// OfCaller is the page for whoever has started it, at a host and port, with their own rights. address is what is to be
// opened once, for a path of the page.
func OfCaller(r Reach, at string) (p *Page, address func(path string) string, err error) {
	d, err := newSession(r.Config, at)
	if err != nil {
		return nil, nil, err
	}
	p, err = newPage(r, d)
	return p, d.address, err
}

// Close ends all watches.
func (p *Page) Close() { p.watched.end() }

// Handler serves the page.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // who went away does not hear it
	})
	mux.HandleFunc("GET "+html.RouteAsset, p.asset)
	for route, show := range map[string]func(http.ResponseWriter, *http.Request, person) error{
		"GET " + html.RouteSyncs:     p.all,
		"GET " + html.RouteSyncsLive: p.allLive,
		"GET " + html.RouteSync:      p.sync,
		"GET " + html.RouteSyncLive:  p.syncLive,
		"GET " + html.RouteCommit:    p.commit,
		"GET " + html.RouteNode:      p.node,
		"GET " + html.RouteFleets:    fleetPages{p}.fleets,
		"GET " + html.RouteFleet:     fleetPages{p}.fleet,
		"GET " + html.RouteFleetLive: fleetPages{p}.fleetLive,
		"POST " + html.RouteAct:      p.act,
		"/":                          p.nothing,
	} {
		mux.HandleFunc(route, p.entering(show))
	}
	return p.guard(mux)
}

// entering shows something to whom the door lets in.
func (p *Page) entering(show func(http.ResponseWriter, *http.Request, person) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := p.door.enter(w, r)
		if err == nil && who != nil {
			err = show(w, r, who)
		}
		if err != nil {
			p.refuse(w, r, who, err)
		}
	}
}

func (p *Page) nothing(http.ResponseWriter, *http.Request, person) error {
	return notThere("such page")
}

// guard lets through what is for this page and comes from it, and says what a browser may do with the answers.
func (p *Page) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		switch {
		case !p.door.host(r.Host):
			p.refuse(w, r, nil, &refusal{http.StatusForbidden, "Another host",
				"This page is not served under that name.", "Open the address that daemongate dashboard has printed."})
		case origin.Check(r) != nil:
			p.refuse(w, r, nil, &refusal{http.StatusForbidden, "Another origin",
				"What changes something must be asked for from this page itself.",
				"Open the page, and ask for it there."})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// policy is what a page may load and where it may lead: nothing but what is served beside it.
var policy = strings.Join([]string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
	"connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"}, "; ")

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// asset serves a file that pages need. It holds nothing of anybody, so that pages of refusals have it, too.
func (p *Page) asset(w http.ResponseWriter, r *http.Request) {
	content, mediaType, found := html.Asset(r.PathValue("asset"))
	if !found {
		p.refuse(w, r, nil, notThere("such file"))
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content) // who went away does not hear it
}

// ofNamespaces says the Syncs of which namespaces are shown.
func ofNamespaces(namespaces []string) string {
	switch len(namespaces) {
	case 0:
		return "all namespaces"
	case 1:
		return "namespace " + namespaces[0]
	}
	return english.Count(len(namespaces), "namespace")
}

// around is what every page has around what it shows.
func (p *Page) around(who person) html.Page {
	around := html.Page{Cluster: p.reach.Cluster, Of: ofNamespaces(p.reach.Namespaces), Now: time.Now()}
	if who != nil {
		around.User, around.Fleets = who.name(), p.reach.Fleets != nil
		around.Lost.Since, around.Lost.Why = p.line.lost()
	}
	return around
}
