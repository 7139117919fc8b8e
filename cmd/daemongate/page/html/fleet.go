package html

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/board"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// FleetData is what the page of a fleet is made of: what the clusters that follow a repository have told.
type FleetData struct {
	// Namespace and Name are those of the Sync whose repository it is.
	Namespace, Name string
	// Ref is what the Sync follows of it.
	Ref string
	// All is what the user may see of the fleet; nil if nothing was read yet.
	All *board.Board
	// Board is what was asked for of that, and Where is where the commit is that was asked for; nil if none was.
	Board *board.Board
	Where *board.Where
	// Read is when it was read.
	Read time.Time
	// Notes say why nothing is known, or nothing newer, and what was left out.
	Notes []string
	FleetFilter
}

// FleetFilter is which part of a fleet is to be seen.
type FleetFilter struct {
	board.Choice
	// Commit is the one to find, by its first digits.
	Commit string
	// Limit is how many of the newest commits are looked at.
	Limit int
	// Each lists the Syncs with nothing to look at, too.
	Each bool
}

// How many of the newest commits are looked at, unless somebody asks for others, and at most.
const (
	FleetLimit     = 20
	MostFleetLimit = 100
)

// mostListed is how many Syncs of a fleet are listed.
const mostListed = 1000

// Up to so many Syncs have a column each in a window of any width, in one that is wider than a phone's, and in a wide
// one.
const (
	narrowColumns = 1
	someColumns   = 3
	manyColumns   = 8
)

// fleetPage is what the page of a fleet shows.
type fleetPage struct {
	Page
	FleetData
	Here, Stream string
}

func fleetOf(p Page, d FleetData) *fleetPage {
	f := &fleetPage{Page: p, FleetData: d}
	f.Here, f.Stream = with(f.Own(), f.query()...), with(f.Own()+"/live", f.query()...)
	return f
}

// Own is the page's address without a filter.
func (f *fleetPage) Own() string { return f.FleetPath(f.Namespace, f.Name) }

// query is the filter as it stands in an address: names and values in turn.
func (f *fleetPage) query() []string {
	limit := ""
	if f.Limit != FleetLimit {
		limit = strconv.Itoa(f.Limit)
	}
	return []string{QueryCluster, f.Choice.Cluster, QueryBehind, yes(f.Behind), QueryStuck, yes(f.Stuck), QueryCommit,
		f.Commit, QueryLimit, limit, QueryEach, yes(f.Each)}
}

func yes(is bool) string {
	if is {
		return "1"
	}
	return ""
}

// but is the page's address with other values in its filter: names and values in turn.
func (f *fleetPage) but(pairs ...string) string { return with(f.Own(), append(f.query(), pairs...)...) }

// EachPath is the page with all Syncs one by one.
func (f *fleetPage) EachPath() string { return f.but(QueryEach, "1") }

// WherePath is the page that shows where a commit is.
func (f *fleetPage) WherePath(commit string) string { return f.but(QueryCommit, commit) }

// AllPath is the page without the commit.
func (f *fleetPage) AllPath() string { return f.but(QueryCommit, "") }

// Limits are what somebody may choose from.
func (f *fleetPage) Limits() []int {
	limits := []int{FleetLimit, 50, MostFleetLimit}
	for i, limit := range limits {
		if f.Limit == limit {
			return limits
		}
		if f.Limit < limit {
			return append(limits[:i:i], append([]int{f.Limit}, limits[i:]...)...)
		}
	}
	return limits
}

// Fleet writes the page of the fleet that follows a Sync's repository.
func Fleet(w io.Writer, p Page, d FleetData) error {
	f := fleetOf(p, d)
	return write(w, f.shell(), f.page())
}

// FleetFrame is its present state.
func FleetFrame(p Page, d FleetData) (Frame, error) {
	f := fleetOf(p, d)
	return frameOf(f.shell(), part{"lost", lostPart(p)}, part{"said-fleet", f.saidPart()},
		part{"fleet-verdict", f.verdictPart()}, part{"fleet-notes", f.notesPart()},
		part{"fleet-commits", f.commitsPart()}, part{"fleet-syncs", f.syncsPart()})
}

func (f *fleetPage) shell() shell {
	s := shell{Page: f.Page, Title: "Fleet of " + f.Namespace + "/" + f.Name, Here: f.Here}
	if f.All != nil && f.Sum().Trouble > 0 {
		s.Mark = view.CommitSign(api.Stuck).Shape
	}
	return s
}

// Sum is what a fleet comes to. Of those that are not behind, so many have the newest commit on its way.
type Sum struct {
	Syncs, Clusters, Trouble, Behind, OnItsWay int
}

// SumOf counts.
func SumOf(b *board.Board) Sum {
	s, clusters := Sum{Syncs: len(b.Syncs)}, map[string]bool{}
	for _, one := range b.Syncs {
		clusters[one.Cluster] = true
		if one.Trouble() {
			s.Trouble++
		}
		switch {
		case one.Behind > 0:
			s.Behind++
		case one.State == api.RollingOut, one.State == api.Applying:
			s.OnItsWay++
		}
	}
	s.Clusters = len(clusters)
	return s
}

// Repository is what the fleet follows; empty if that is not known yet.
func (f *fleetPage) Repository() string {
	if f.All == nil {
		return ""
	}
	return f.All.Repository
}

// Sum is what the fleet comes to, whatever was asked for of it.
func (f *fleetPage) Sum() Sum { return SumOf(f.All) }

// Style is the name of the style of a fleet's state, and Shape its sign.
func (s Sum) Style() string { return styleOf(s.state()) }

// Shape is the sign of a fleet's state.
func (s Sum) Shape() string { return view.CommitSign(s.state()).Shape }

func (s Sum) state() api.CommitState {
	switch {
	case s.Trouble > 0:
		return api.Stuck
	case s.Behind+s.OnItsWay > 0:
		return api.RollingOut
	}
	return api.Complete
}

// Word is a fleet's state.
func (s Sum) Word() string {
	switch {
	case s.Trouble == 1:
		return "1 needs somebody"
	case s.Trouble > 1:
		return fmt.Sprintf("%d need somebody", s.Trouble)
	case s.Behind > 0:
		return fmt.Sprintf("%d behind", s.Behind)
	case s.OnItsWay > 0:
		return fmt.Sprintf("%d on the way", s.OnItsWay)
	}
	return "all at the newest"
}

// Says is a fleet in a sentence.
func (s Sum) Says() string {
	text := english.Count(s.Syncs, "Sync") + " in " + english.Count(s.Clusters, "cluster")
	if s.Behind == 0 {
		return text + ", none behind the newest commit"
	}
	return fmt.Sprintf("%s, %d behind the newest commit", text, s.Behind)
}

// Newest is the newest commit; nil if there is none.
func (f *fleetPage) Newest() *fleetCommit {
	if len(f.All.Commits) == 0 {
		return nil
	}
	return f.commitOf(f.All.Commits[0])
}

// fleetCommit is a commit with what became of it.
type fleetCommit struct {
	board.Commit
	Path   string
	Fates  []fate
	Counts []int
}

// Short is its hash as people write it.
func (c *fleetCommit) Short() string { return api.Short(c.Hash) }

func (f *fleetPage) commitOf(c board.Commit) *fleetCommit {
	return &fleetCommit{Commit: c, Path: f.WherePath(c.Hash)}
}

// fate is what became of a commit somewhere.
type fate struct{ Word, Style, Shape string }

func fateOf(f board.Fate) fate {
	switch f.Word() {
	case board.Nothing:
		return fate{Word: f.Word()}
	case board.Relapsed, board.Ailing:
		return fate{f.Word(), styleOf(api.Stuck), view.CommitSign(api.Stuck).Shape}
	}
	return fate{f.Word(), styleOf(f.State), view.CommitSign(f.State).Shape}
}

// forAny is the Room of a fleet whose Syncs have columns in a window of any width.
const forAny = "for-any"

// Room says in which windows each Sync has a column: it is the name of a style. Empty means in none.
func (f *fleetPage) Room() string {
	switch n := len(f.Board.Syncs); {
	case n <= narrowColumns:
		return forAny
	case n <= someColumns:
		return "for-some"
	case n <= manyColumns:
		return "for-wide"
	}
	return ""
}

// Labels name the columns.
func (f *fleetPage) Labels() []string { return f.Board.Labels() }

// Matrix is what became of each commit at each Sync.
func (f *fleetPage) Matrix() []*fleetCommit {
	var list []*fleetCommit
	for _, c := range f.Board.Commits {
		one := f.commitOf(c)
		for _, s := range f.Board.Syncs {
			one.Fates = append(one.Fates, fateOf(s.Commits[c.Hash]))
		}
		list = append(list, one)
	}
	return list
}

// tallied is how many Syncs are in which state.
type tallied struct {
	Words []string
	Rows  []*fleetCommit
}

// Tally counts what became of each commit.
func (f *fleetPage) Tally() tallied {
	counted := f.Board.Tally()
	t := tallied{Words: counted.Words}
	for i, word := range t.Words {
		if word == board.Nothing {
			t.Words[i] = "Nothing told"
		}
	}
	for i, c := range f.Board.Commits {
		one := f.commitOf(c)
		one.Counts = counted.Rows[i]
		t.Rows = append(t.Rows, one)
	}
	return t
}

// placed is a Sync of some cluster with where it is.
type placed struct {
	Cluster, Sync, Path string
	Here                bool // it is in this cluster
	fate
	Commit, CommitPath   string
	For, Behind, Why, Is string
}

// place is what a row has of a Sync, by its name and what became of a commit there.
func (f *fleetPage) place(s *board.Sync, fate board.Fate) placed {
	p := placed{Cluster: s.Cluster, Sync: s.Name, fate: fateOf(fate), For: f.For(fate.Since),
		Here: f.Page.Cluster != "" && s.Cluster == f.Page.Cluster}
	if namespace, name, ok := s.Named(); ok {
		p.Sync = namespace + "/" + name
		if p.Here {
			p.Path = f.SyncPath(namespace, name)
		}
	}
	return p
}

// List is where each Sync is, what needs a look first.
func (f *fleetPage) List() (list []placed) {
	listed, _ := f.Board.Listed(f.Each)
	for _, s := range listed[:min(len(listed), mostListed)] {
		p := f.place(s, s.Fate)
		p.Commit, p.Behind, p.Why = api.Short(s.Commit), s.Distance(), s.Why()
		if p.Behind == "0" {
			p.Behind = ""
		}
		if s.Commit != "" {
			p.CommitPath = f.WherePath(s.Commit)
		}
		list = append(list, p)
	}
	return list
}

// Others says how many Syncs are not listed because nothing is the matter with them; empty if none is.
func (f *fleetPage) Others() string {
	if _, others := f.Board.Listed(f.Each); others > 0 {
		return english.Count(others, "Sync") + " Complete at " + api.Short(f.Board.Commits[0].Hash)
	}
	return ""
}

// Beyond says how many Syncs are not listed because they are too many; empty if none is.
func (f *fleetPage) Beyond() string {
	listed, _ := f.Board.Listed(f.Each)
	n := len(listed)
	if f.Where != nil {
		n = len(f.Where.Syncs)
	}
	if n <= mostListed {
		return ""
	}
	return english.Count(n-mostListed, "more Sync") + " like that: a filter finds them"
}

// Caption says what the list of Syncs has.
func (f *fleetPage) Caption() string {
	text := english.Count(len(f.Board.Syncs), "Sync")
	if len(f.Board.Syncs) != len(f.All.Syncs) {
		text = fmt.Sprintf("%d of %s", len(f.Board.Syncs), english.Count(len(f.All.Syncs), "Sync"))
	}
	return text + ", what needs somebody first"
}

// Places is where the commit is that was asked for, those first that do not have it.
func (f *fleetPage) Places() []placed {
	var without, have []placed
	for _, one := range f.Where.Syncs {
		p := f.place(&board.Sync{Cluster: one.Cluster, Name: one.Name}, one.Fate)
		p.Commit, p.Is = cmp.Or(api.Short(one.At), board.Nothing), "no"
		if one.Has {
			p.Is = "yes"
			have = append(have, p)
			continue
		}
		p.Why = one.Message
		without = append(without, p)
	}
	list := append(without, have...)
	return list[:min(len(list), mostListed)]
}

// WhereShort is the commit that was asked for as people write it.
func (f *fleetPage) WhereShort() string { return api.Short(f.Where.Hash) }

// Of says of how many Syncs that is.
func (f *fleetPage) Of() string { return english.Count(f.Where.Of, "Sync") }

// Said is what a screen reader says when it changes.
func (f *fleetPage) Said() string {
	if f.All == nil {
		return "nothing is known of the fleet yet"
	}
	if f.Where != nil {
		return fmt.Sprintf("%s has taken over on %d of %s", f.WhereShort(), f.Where.On, f.Of())
	}
	return f.Sum().Word() + " of " + english.Count(len(f.All.Syncs), "Sync")
}
