package html

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"k8s.io/apimachinery/pkg/api/meta"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// Row is a Sync among all.
type Row struct {
	Namespace, Name string
	Commit          string
	State           api.CommitState
	Counts          view.Counts
	Held            int
	// Since is when it has come to its state; zero if it has none.
	Since     time.Time
	Verdict   string
	Suspended string // why; empty if it is not
	// Trouble is what is wrong besides; empty if nothing is.
	Trouble string
	rank    int
}

// RowOf is the row of a Sync.
func RowOf(s *api.Sync, now time.Time) Row {
	v := view.Of(view.Seen{Now: now, Sync: s})
	r := Row{Namespace: v.Namespace, Name: v.Name, Commit: v.Commit, State: v.State, Counts: v.Counts,
		Held: s.Status.Held.Count, Since: since(&s.Status), Verdict: withoutState(v.Verdict, v.State),
		Suspended: view.Suspended(s)}
	if r.Suspended == "" {
		r.Trouble = view.Source(s)
	}
	if r.Verdict == "" && r.State == "" {
		r.Verdict, r.Trouble = r.Trouble, ""
	}
	r.rank = rank(s, r)
	return r
}

// withoutState is a verdict where the state stands beside it.
func withoutState(verdict string, state api.CommitState) string {
	text := strings.TrimPrefix(verdict, string(state)+": ")
	if text == string(state) {
		return ""
	}
	return text
}

// since is when the commit in flight has come to its state.
func since(s *api.SyncStatus) time.Time {
	f := s.InFlight
	switch {
	case f == nil:
		return time.Time{}
	case f.Completed != nil && f.State == api.Complete:
		return f.Completed.Time
	}
	for _, r := range s.History {
		if r.Commit == f.Commit && r.State == f.State {
			return r.Since.Time
		}
	}
	return f.Since.Time
}

// Style is the name of the style of its state, and Shape its sign.
func (r Row) Style() string { return styleOf(r.State) }

// Shape is the sign of its state.
func (r Row) Shape() string { return view.CommitSign(r.State).Shape }

// rank is the smaller the sooner a person wants to see a Sync.
func rank(s *api.Sync, r Row) int {
	switch {
	case r.State == api.Stuck || r.State == api.Failed ||
		meta.IsStatusConditionTrue(s.Status.Conditions, api.ConditionStalled):
		return 0
	case r.Trouble != "" || len(s.Status.Failed) > 0 ||
		meta.IsStatusConditionFalse(s.Status.Conditions, api.ConditionHealthy):
		return 1
	case r.State == api.Applying || r.State == api.RollingOut:
		return 2
	case r.Held > 0 || meta.IsStatusConditionTrue(s.Status.Conditions, api.ConditionDrifted):
		return 3
	case r.Suspended != "":
		return 4
	case r.State == "":
		return 5
	}
	return 6
}

// Filter is which rows are to be seen.
type Filter struct{ Text, Namespace, State string }

// shows reports whether a row is to be seen.
func (f Filter) shows(r *Row) bool {
	if f.Namespace != "" && r.Namespace != f.Namespace || f.State != "" && stateOf(r) != f.State {
		return false
	}
	all := strings.ToLower(r.Namespace + "/" + r.Name + " " + r.Commit + " " + string(r.State) + " " + r.Verdict)
	return strings.Contains(all, strings.ToLower(strings.TrimSpace(f.Text)))
}

// stateOf is what a row is found by.
func stateOf(r *Row) string {
	switch {
	case r.Suspended != "":
		return "Suspended"
	case r.State == "":
		return "None"
	}
	return string(r.State)
}

// list is what the page of all Syncs shows.
type list struct {
	Page
	Filter
	Rows       []Row
	drawn      templ.Component // the rows
	All        int
	Namespaces []string
	States     []string
	Stuck      int
	Here       string
	Stream     string
}

func listOf(p Page, rows []Row, f Filter) *list {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	l := &list{Page: p, Filter: f, All: len(rows)}
	for i := range rows {
		r := &rows[i]
		l.Namespaces = append(l.Namespaces, r.Namespace)
		l.States = append(l.States, stateOf(r))
		if r.rank == 0 {
			l.Stuck++
		}
		if f.shows(r) {
			l.Rows = append(l.Rows, *r)
		}
	}
	slices.Sort(l.Namespaces)
	slices.Sort(l.States)
	l.Namespaces, l.States = slices.Compact(l.Namespaces), slices.Compact(l.States)
	query := []string{QueryText, f.Text, QueryNamespace, f.Namespace, QueryState, f.State}
	l.Here = with(p.Base+"/", query...)
	l.Stream = with(p.Base+RouteSyncsLive, query...)
	return l
}

// Syncs writes the page of all Syncs that the user may see: what is stuck first.
func Syncs(w io.Writer, p Page, rows []Row, f Filter) error {
	l := listOf(p, rows, f)
	if _, err := l.draw(); err != nil {
		return err
	}
	return write(w, l.shell(), l.page())
}

func (l *list) shell() shell {
	s := shell{Page: l.Page, Title: "Syncs", Here: l.Here}
	if l.Stuck > 0 {
		s.Mark = view.CommitSign(api.Stuck).Shape
	}
	return s
}

// SyncsFrame is the present state of the page of all Syncs. A row that changes is sent alone; when others are there, or
// in another order, all are.
func SyncsFrame(p Page, rows []Row, f Filter) (Frame, error) {
	l := listOf(p, rows, f)
	drawn, err := l.draw()
	if err != nil {
		return Frame{}, err
	}
	parts := []part{{"lost", lostPart(p)}, {"said-syncs", l.saidPart()}}
	if len(l.Rows) > 0 { // else there is no table
		parts = append(parts, part{"rows-caption", l.captionPart()})
	}
	frame, err := frameOf(l.shell(), append(parts, part{"rows", l.rowsPart()})...)
	if err != nil {
		return Frame{}, err
	}
	last := len(frame.Fragments) - 1
	frame.rows = frame.Fragments[last]
	frame.Fragments = append(frame.Fragments[:last], drawn...)
	return frame, nil
}

// Said is what a screen reader says when it changes.
func (l *list) Said() string {
	if l.Stuck == 0 {
		return "no Sync is stuck"
	}
	return fmt.Sprintf("%d of %d Syncs need somebody", l.Stuck, l.All)
}

// Caption says how many of the Syncs the table has.
func (l *list) Caption() string {
	text := english.Count(l.All, "Sync")
	if len(l.Rows) != l.All {
		text = fmt.Sprintf("%d of %s", len(l.Rows), text)
	}
	return text + ", what is stuck first"
}

// drawnRow is a row with what stands around it.
type drawnRow struct {
	Page
	Row
}

// ID is the id of its element.
func (r drawnRow) ID() string {
	sum := sha256.Sum256([]byte(r.Namespace + "/" + r.Name))
	return "row-" + hex.EncodeToString(sum[:6])
}

// draw renders the rows, each as an element.
func (l *list) draw() ([]Fragment, error) {
	var rows []Fragment
	var all strings.Builder
	var b bytes.Buffer
	for i := range l.Rows {
		r := drawnRow{l.Page, l.Rows[i]}
		b.Reset()
		if err := render(&b, r.element()); err != nil {
			return nil, err
		}
		rows = append(rows, Fragment{r.ID(), b.String()})
		all.WriteString(b.String())
	}
	l.drawn = templ.Raw(all.String())
	return rows, nil
}
