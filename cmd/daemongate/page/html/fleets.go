package html

import (
	"io"

	"github.com/daemongate/daemongate/sync/english"
)

// FleetRow is a repository among those that Syncs follow.
type FleetRow struct {
	// Namespace and Name are those of a Sync that follows it.
	Namespace, Name string
	Repository, Ref string
	// Syncs is how many Syncs of this cluster follow it.
	Syncs int
	// Sum is what its fleet comes to; nil if that is not known, and then Why says why.
	Sum *Sum
	Why string
}

// fleetsPage is what the page of all fleets shows.
type fleetsPage struct {
	Page
	Rows []fleetRow
}

// fleetRow is a row with what stands around it.
type fleetRow struct {
	Page
	FleetRow
}

// Own is the address of the fleet.
func (r fleetRow) Own() string { return r.FleetPath(r.Namespace, r.FleetRow.Name) }

// Look is the address of what needs somebody, where something does.
func (r fleetRow) Look() string {
	if r.Sum.Trouble > 0 {
		return with(r.Own(), QueryStuck, "1")
	}
	return r.Own()
}

// Behind is the address of what is behind.
func (r fleetRow) Behind() string { return with(r.Own(), QueryBehind, "1") }

// Here says how many Syncs of this cluster follow it.
func (r fleetRow) Here() string { return english.Count(r.Syncs, "Sync") + " here" }

// Fleets writes the page of the repositories that the Syncs follow which the user may see.
func Fleets(w io.Writer, p Page, rows []FleetRow) error {
	p.Live = false
	f := &fleetsPage{Page: p}
	for _, r := range rows {
		f.Rows = append(f.Rows, fleetRow{p, r})
	}
	return write(w, shell{Page: p, Title: "Fleets", Here: p.Base + RouteFleets}, f.page())
}
