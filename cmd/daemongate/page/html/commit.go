package html

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// CommitData is what the page of a commit is made of.
type CommitData struct {
	View   view.View
	Sync   *api.Sync
	Series *Series
	Commit string // in full
	// Diff is what it changes of objects, as a unified diff; Secrets are cut out of it.
	Diff string
	// Against says what it is compared with; Notes say why there is no diff, or what is not in it.
	Against string
	Notes   []string
	// Message is all that its author has written, and Made is when it was committed, as far as its repository was read.
	Message, Author string
	Made            time.Time
}

// commitPage is what the page of a commit shows.
type commitPage struct {
	*model
	CommitData
	Entry entry
	Known bool // the Sync has something to say of it
}

// Commit writes the page of a commit.
func Commit(w io.Writer, p Page, d CommitData) error {
	p.Live = false
	m := modelOf(p, SyncData{View: d.View, Sync: d.Sync, Series: d.Series})
	c := &commitPage{model: m, CommitData: d, Entry: m.entryOf(&view.Commit{Commit: d.Commit})}
	for _, e := range m.History() {
		if e.Commit.Commit == d.Commit {
			c.Entry, c.Known = e, true
		}
	}
	for i := range d.View.Commits {
		if one := &d.View.Commits[i]; !c.Known && one.Commit == d.Commit {
			c.Entry, c.Known = m.entryOf(one), true
		}
	}
	return write(w, shell{Page: p, Title: api.Short(d.Commit) + " of " + d.View.Namespace + "/" + d.View.Name,
		Mark: c.Entry.Shape, Here: p.CommitPath(d.View.Namespace, d.View.Name, d.Commit)}, c.page())
}

// Who is who made the commit.
func (c *commitPage) Who() string { return cmp.Or(c.CommitData.Author, c.Entry.Author) }

// Reached says how far the commit got, as far as that is known.
func (c *commitPage) Reached() string {
	if c.CommitData.Commit == flightOf(c.V) {
		return c.Sentence()
	}
	var names []string
	for i := range c.V.Nodes {
		if n := &c.V.Nodes[i]; n.Commit == c.CommitData.Commit {
			names = append(names, n.Name)
		}
	}
	if len(names) > 0 {
		return "runs on " + english.Count(len(names), "node") + ": " + words.FoldSome(names)
	}
	if seen, _ := c.model.Series.Seen(c.CommitData.Commit); len(seen) > 0 {
		last := seen[len(seen)-1]
		return fmt.Sprintf("%d of %s settled when it was seen last, %s", last.Settled,
			english.Count(last.Desired, "node"), stamp(last.At))
	}
	return ""
}

// Burnup is how the commit's own nodes have settled; nil if nothing is known of that.
func (c *commitPage) Burnup() *burnup {
	b := &burnup{}
	own := c.line(c.CommitData.Commit, c.CommitData.Commit == flightOf(c.V))
	if own == nil || c.V.Counts.Desired == 0 {
		return nil
	}
	b.Lines = append(b.Lines, *own)
	b.tell(c.model)
	return b
}

// moment is the nodes that came to one state at one time.
type moment struct {
	At, Letter, Shape, Words, Names string
	Count                           int
}

// mostMoments is how many of them the page has.
const mostMoments = 200

// Timeline is what became of the commit's nodes, the newest first.
func (c *commitPage) Timeline() []moment {
	_, steps := c.model.Series.Seen(c.CommitData.Commit)
	var list []moment
	for i := len(steps) - 1; i >= 0 && len(list) < mostMoments; {
		first := steps[i]
		var names []string
		for ; i >= 0 && steps[i].At.Equal(first.At) && steps[i].State == first.State; i-- {
			names = append(names, steps[i].Node)
		}
		s := view.NodeSign(first.State)
		list = append(list, moment{At: stamp(first.At), Letter: letterOf(first.State), Shape: s.Shape, Words: s.Words,
			Names: words.FoldSome(names), Count: len(names)})
	}
	return list
}

// diffLine is a line of a diff.
type diffLine struct{ Style, Text string }

// Lines are the lines of the diff.
func (c *commitPage) Lines() []diffLine {
	var list []diffLine
	for text := range strings.Lines(c.Diff) {
		text = strings.TrimRight(text, "\r\n")
		style := ""
		switch {
		case strings.HasPrefix(text, "+++"), strings.HasPrefix(text, "---"), strings.HasPrefix(text, "diff "):
			style = "file"
		case strings.HasPrefix(text, "@@"):
			style = "hunk"
		case strings.HasPrefix(text, "+"):
			style = "plus"
		case strings.HasPrefix(text, "-"):
			style = "minus"
		}
		list = append(list, diffLine{style, text})
	}
	return list
}
