package page

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/board"
	"github.com/daemongate/daemongate/cmd/daemongate/fleet/kept"
	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
)

// Fleets are what clusters have told in the repositories that Syncs follow.
type Fleets interface {
	// Of is the fleet that follows a Sync's repository, by the newest commits, as far as that is known before ctx ends.
	Of(ctx context.Context, s *api.Sync, most int) kept.Fleet
	// Changed is closed when there may be something new.
	Changed() <-chan struct{}
}

// fleetPages are the pages of fleets.
type fleetPages struct{ *Page }

// noFleets is said where no repository is read.
var noFleets = notThere("such page: this one reads no repositories")

// fleet shows the fleet that follows a Sync's repository.
func (p fleetPages) fleet(w http.ResponseWriter, r *http.Request, who person) error {
	filter, s, done, err := p.intoFleet(r, who)
	defer done()
	if err != nil {
		return err
	}
	d, err := p.fleetData(r.Context(), who, s, filter)
	if err != nil {
		return err
	}
	around := p.around(who)
	around.Live = true
	return write(w, func(b *bytes.Buffer) error { return html.Fleet(b, around, d) })
}

// fleetLive keeps it in step.
func (p fleetPages) fleetLive(w http.ResponseWriter, r *http.Request, who person) error {
	filter, s, done, err := p.intoFleet(r, who)
	defer done()
	if err != nil {
		return err
	}
	return p.stream(w, r, who, frames{
		changed: p.reach.Fleets.Changed,
		next: func(ctx context.Context) (html.Frame, error) {
			if err := p.stillSees(ctx, who, s.Namespace, s.Name); err != nil {
				return html.Frame{}, err
			}
			if s, err = p.syncOf(ctx, s.Namespace, s.Name); err != nil {
				return html.Frame{}, err
			}
			d, err := p.fleetData(ctx, who, s, filter)
			if err != nil {
				return html.Frame{}, err
			}
			around := p.around(who)
			around.Live = true
			return html.FleetFrame(around, d)
		},
	})
}

// intoFleet is what an address asks for, and the Sync that it names, for somebody who may see it. done is to be called
// in any case.
func (p fleetPages) intoFleet(r *http.Request, who person) (filter html.FleetFilter, s *api.Sync, done func(),
	err error) {
	if p.reach.Fleets == nil {
		return filter, nil, func() {}, noFleets
	}
	if filter, err = fleetFilterOf(r); err != nil {
		return filter, nil, func() {}, err
	}
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	if sees, err := who.sees(r.Context(), namespace, name); err != nil || !sees {
		return filter, nil, func() {}, or(err, notThere("Sync "+namespace+"/"+name))
	}
	_, done = p.watched.use()
	s, err = p.syncOf(r.Context(), namespace, name)
	return filter, s, done, err
}

// syncOf reads a Sync, of which nothing more is looked at.
func (p fleetPages) syncOf(ctx context.Context, namespace, name string) (*api.Sync, error) {
	cluster, done := p.watched.use()
	defer done()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, _, err := cluster.one(ctx, namespace, name)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, notThere("Sync " + namespace + "/" + name)
	}
	return s, err
}

// badFilter says what is wrong with a filter in an address.
func badFilter(format string, what ...any) error {
	return &refusal{http.StatusBadRequest, "No such filter",
		"The address asks for " + fmt.Sprintf(format, what...) + ".", "Correct it, or take it out of the address."}
}

// digits begin the hash of a commit.
var digits = regexp.MustCompile(`^[0-9a-f]{4,40}$`)

// fleetFilterOf is what an address asks for of a fleet.
func fleetFilterOf(r *http.Request) (f html.FleetFilter, err error) {
	q := r.URL.Query()
	f.Choice.Cluster = strings.TrimSpace(q.Get(html.QueryCluster))
	f.Commit = strings.ToLower(strings.TrimSpace(q.Get(html.QueryCommit)))
	if _, err := path.Match(f.Choice.Cluster, ""); err != nil {
		return f, badFilter("clusters named %q, which is no pattern of names, such as eu-*", f.Choice.Cluster)
	}
	if f.Commit != "" && !digits.MatchString(f.Commit) {
		return f, badFilter("commit %q, and a commit has a hash of 40 digits, of which 4 or more are needed", f.Commit)
	}
	limit := cmp.Or(q.Get(html.QueryLimit), strconv.Itoa(html.FleetLimit))
	if f.Limit, err = strconv.Atoi(limit); err != nil || f.Limit < 1 || f.Limit > html.MostFleetLimit {
		return f, badFilter("limit=%q, and between 1 and %d commits can be shown", limit, html.MostFleetLimit)
	}
	for name, set := range map[string]*bool{html.QueryBehind: &f.Behind, html.QueryStuck: &f.Stuck,
		html.QueryEach: &f.Each} {
		switch is := q.Get(name); is {
		case "", "0":
		case "1":
			*set = true
		default:
			return f, badFilter("%s=%q, and it is 1 or not there", name, is)
		}
	}
	return f, nil
}

// fleetData is what somebody may see of the fleet that follows a Sync's repository, and of that what they ask for.
func (p fleetPages) fleetData(ctx context.Context, who person, s *api.Sync, f html.FleetFilter) (html.FleetData,
	error) {
	d := html.FleetData{Namespace: s.Namespace, Name: s.Name, Ref: source.Follows(s).String(), FleetFilter: f}
	read, seen, err := p.fleetOf(ctx, who, s, f.Limit)
	if err != nil {
		return d, err
	}
	if read.Why != "" {
		d.Notes = append(d.Notes, read.Why)
	}
	if read.Read.IsZero() {
		return d, nil
	}
	d.All, d.Read = seen.board, read.Read
	if d.Board, err = d.All.Choose(f.Choice); err != nil { // as it was not when the address was read
		return d, err
	}
	d.Notes = append(d.Notes, seen.notes...)
	if f.Commit == "" {
		return d, nil
	}
	if d.Where, err = d.Board.Where(f.Commit); err != nil {
		return d, &refusal{http.StatusNotFound, "No such commit", fmt.Sprintf("Of the newest %d commits of %s none, "+
			"or more than one, has a hash that begins with %s.", len(d.All.Commits), d.Ref, f.Commit),
			fmt.Sprintf("Give more digits, or look at more commits with limit=%d.", html.MostFleetLimit)}
	}
	return d, nil
}

// visibleFleet is what somebody may see of a fleet.
type visibleFleet struct {
	board *board.Board
	notes []string
}

// fleetOf reads the fleet that follows a Sync's repository, and leaves of it what somebody may see. Notes tell of other
// people's Syncs, too, here and in other clusters: what was told of a Sync is for who may get one of that namespace and
// name here, whether it is of this cluster or not, and what names none for who may get all.
func (p fleetPages) fleetOf(ctx context.Context, who person, s *api.Sync, limit int) (kept.Fleet, visibleFleet, error) {
	short, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	read := p.reach.Fleets.Of(short, s, limit)
	all := board.New(read.Repository, read.Commits, read.Said, read.Clusters)
	a := &seeing{who: who, known: map[string]bool{}}
	everything, err := a.sees(ctx, "", "")
	if err != nil || everything {
		return read, visibleFleet{all, read.Left}, err
	}
	v := visibleFleet{board: all.Only(func(one *board.Sync) bool {
		namespace, name, named := one.Named()
		if !named || err != nil {
			return false
		}
		var may bool
		may, err = a.sees(ctx, namespace, name)
		return may
	})}
	if a.more {
		v.notes = append(v.notes, "There may be more Syncs that you may see.")
	}
	return read, v, err
}
