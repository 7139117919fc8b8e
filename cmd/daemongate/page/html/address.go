package html

import (
	"net/url"
	"strings"
)

// The addresses of the page, as patterns of a request multiplexer. Pages are read with GET; acts are done with POST.
const (
	RouteSyncs     = "/{$}"
	RouteSyncsLive = "/live"
	RouteSync      = "/syncs/{namespace}/{name}"
	RouteSyncLive  = "/syncs/{namespace}/{name}/live"
	RouteCommit    = "/syncs/{namespace}/{name}/commits/{commit}"
	RouteFleets    = "/fleet"
	RouteFleet     = "/syncs/{namespace}/{name}/fleet"
	RouteFleetLive = "/syncs/{namespace}/{name}/fleet/live"
	RouteAct       = "/syncs/{namespace}/{name}/{act}"
	RouteNode      = "/nodes/{node}"
	RouteAsset     = "/assets/{asset}"
)

// The acts, and the fields of their forms.
const (
	ActSync    = "sync"
	ActSuspend = "suspend"
	ActResume  = "resume"
	ActRelease = "release"
	ActPromote = "promote"
	ActPause   = "pause"
	ActUnpause = "unpause"
	// FieldCommit is the full hash of the commit that an act is about, FieldStage the number of its stage, and
	// FieldReason why a person asks for it.
	FieldCommit = "commit"
	FieldStage  = "stage"
	FieldReason = "reason"
)

// What follows the question mark of an address.
const (
	QueryGroup     = "group"     // of a Sync: what its nodes are grouped by
	QueryShow      = "show"      // of a Sync: ShowNodes for all nodes as a table
	ShowNodes      = "nodes"     //
	QueryOrder     = "order"     // of a stream: the order of nodes that the page has
	QueryText      = "q"         // of all Syncs: what a row must have in it
	QueryNamespace = "namespace" // of all Syncs
	QueryState     = "state"     // of all Syncs
	QueryCluster   = "cluster"   // of a fleet: a pattern of names of clusters
	QueryBehind    = "behind"    // of a fleet: 1 for what is behind
	QueryStuck     = "stuck"     // of a fleet: 1 for what is in trouble
	QueryCommit    = "commit"    // of a fleet: the commit to find
	QueryLimit     = "limit"     // of a fleet: how many of the newest commits
	QueryEach      = "all"       // of a fleet: 1 for each Sync, with nothing to look at, too
)

// SyncPath is the address of a Sync.
func (p Page) SyncPath(namespace, name string) string {
	return p.Base + "/syncs/" + url.PathEscape(namespace) + "/" + url.PathEscape(name)
}

// CommitPath is the address of a commit of a Sync.
func (p Page) CommitPath(namespace, name, commit string) string {
	return p.SyncPath(namespace, name) + "/commits/" + url.PathEscape(commit)
}

// FleetPath is the address of the fleet that follows a Sync's repository.
func (p Page) FleetPath(namespace, name string) string { return p.SyncPath(namespace, name) + "/fleet" }

// NodePath is the address of a node.
func (p Page) NodePath(node string) string { return p.Base + "/nodes/" + url.PathEscape(node) }

// ActPath is where an act is asked for.
func (p Page) ActPath(namespace, name, act string) string {
	return p.SyncPath(namespace, name) + "/" + act
}

// with is an address with what follows the question mark, without what is empty: names and values in turn.
func with(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}
