package html

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/a-h/templ"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/daemongate/daemongate/sync/english"
)

// Page is what every page has around what it shows.
type Page struct {
	// Base stands before every address; empty where the page is at the root. It does not end with a slash.
	Base string
	// Cluster and User are whose page it is, as far as that is known.
	Cluster string
	User    string
	// Of are the namespaces whose Syncs it shows, in words.
	Of  string
	Now time.Time
	// May is what the user may do with the Sync that is shown.
	May May
	// Told is what became of what the user asked for last.
	Told string
	// Lost is set while the API server does not answer.
	Lost Lost
	// Fleets is set where the page shows fleets.
	Fleets bool
	// Live has the page follow the stream of its address: see RouteSyncLive and RouteSyncsLive.
	Live bool
}

// May is what a user may do with a Sync; nothing where the page is for reading only.
type May struct{ Sync, Suspend, Release, Promote bool }

// Lost says since when the API server has not answered, and why.
type Lost struct {
	Since time.Time
	Why   string
}

// shell is what stands around the content of a page.
type shell struct {
	Page
	Title string
	Mark  string // the sign of the state before the title, which the tab shows
	Here  string // its own address
}

// tabTitle is what the tab of a page says.
func (s shell) tabTitle() string {
	title := english.Join(s.Mark, " ", s.Title) + " · Daemongate"
	return english.Join(s.Told, " · ", title)
}

// htmxConfig has htmx write no style, which the policy of the page forbids, keep no history, and leave alone what the
// reader has opened.
const htmxConfig = `{"includeIndicatorCSS":false,"history":false,"extensions":"sse",` +
	`"morphIgnore":["data-htmx-powered","open"]}`

// Stamp is when the page was made.
func (p Page) Stamp() string { return stamp(p.Now) }

// For is how long ago something was; empty if that is not known.
func (p Page) For(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return duration.HumanDuration(max(p.Now.Sub(since), time.Second))
}

// Asset is the address of a file that the page needs.
func (p Page) Asset(name string) string { return p.Base + "/assets/" + served().hashed[name] }

// LostFor says how long the API server has not answered.
func (p Page) LostFor() string { return p.For(p.Lost.Since) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// write writes a page whole, or not at all.
func write(w io.Writer, s shell, content templ.Component) error {
	var b bytes.Buffer
	if err := render(&b, s.around(content)); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Problem writes the page that says why there is no other: a sentence, and what a person can do.
func Problem(w io.Writer, p Page, title, why, do string) error {
	p.Live = false
	return write(w, shell{Page: p, Title: title}, problem(p, title, why, do))
}

// render writes a component into memory: there is nothing to wait for, and so no context to end.
func render(b *bytes.Buffer, c templ.Component) error { return c.Render(context.Background(), b) }
