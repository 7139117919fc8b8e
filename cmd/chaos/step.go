package main

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"strings"
)

// step is what a controller does that counts: each has a number, at which a fault may happen.
type step string

const (
	ofStatus   step = "status of the Sync"
	ofSync     step = "Sync"      // its finalizer
	ofOutbox   step = "outbox"    // what the Git host is still to be told
	ofDeletion step = "deletion"  // of what a commit no longer asks for
	ofMirror   step = "mirror"    // a fetch, which becomes part of the mirror on the disk
	ofDelivery step = "delivery"  // to the Git host
	ofSet      step = "DaemonSet" // that a commit asks for
	ofConfig   step = "ConfigMap" // that a commit asks for
)

// everyStep are all kinds of steps.
var everyStep = []step{ofStatus, ofSync, ofOutbox, ofDeletion, ofMirror, ofDelivery, ofSet, ofConfig}

// stepOf says what is written by a request to the API server; nothing by reads, dry runs, Events and the Lease.
func stepOf(r *http.Request) step {
	_, path, _ := strings.Cut(r.URL.Path, "/namespaces/")
	_, path, inNamespace := strings.Cut(path, "/")
	resource, rest, _ := strings.Cut(path, "/")
	switch {
	case r.Method == http.MethodGet, strings.Contains(r.URL.RawQuery, "dryRun"), !inNamespace, noStep[resource]:
		return ""
	case r.Method == http.MethodDelete:
		return ofDeletion
	case resource == "syncs" && strings.HasSuffix(rest, "/status"):
		return ofStatus
	case resource == "configmaps" && r.Method != http.MethodPatch: // what a commit asks for is applied
		return ofOutbox
	}
	return cmp.Or(stepsOf[resource], step(resource))
}

var (
	noStep  = map[string]bool{"leases": true, "events": true, "serviceaccounts": true}
	stepsOf = map[string]step{"syncs": ofSync, "configmaps": ofConfig, "daemonsets": ofSet}
)

// gitStepOf says what a request to the Git server does; nothing if it asks for refs alone.
func gitStepOf(r *http.Request) step {
	switch {
	case r.Method != http.MethodPost:
		return ""
	case strings.HasSuffix(r.URL.Path, "/git-receive-pack"):
		return ofDelivery
	case strings.HasSuffix(r.URL.Path, "/git-upload-pack") && !listsRefs(r):
		return ofMirror
	}
	return ""
}

// listsRefs looks at the beginning of a request, and puts it back.
func listsRefs(r *http.Request) bool {
	begin, _ := io.ReadAll(io.LimitReader(r.Body, 64))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(begin), r.Body), r.Body}
	return bytes.Contains(begin, []byte("command=ls-refs"))
}
