package main

import (
	"net/http"
	"net/http/httptest"
	gosync "sync"
	"testing"

	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The controller itself may not read a Deployment that a Sync asks for, its ServiceAccount may: the page that the
// controller serves does not try, and so does not tell of a refusal as if it were the Deployment's trouble. Whoever has
// started the page for themselves reads it.
func TestTheControllersPageReadsDaemonSetsAlone(t *testing.T) {
	var mu gosync.Mutex
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		http.Error(w, "forbidden", http.StatusForbidden)
	}))
	defer server.Close()
	s := &api.Sync{}
	s.Status.InFlight = &api.Flight{Commit: "b", State: api.RollingOut,
		Workloads: []api.Workload{{Group: "apps", Kind: "Deployment", Namespace: "logging", Name: "ui"}}}
	for _, of := range []struct {
		name string
		all  bool
	}{{"the controller", false}, {"the caller", true}} {
		v, err := newSight(&rest.Config{Host: server.URL})
		check(t, err)
		v.daemonSets = !of.all
		f, err := v.follow(s)
		check(t, err)
		judged, err := f.Judge(t.Context())
		f.Stop()
		v.observer.Stop()
		mu.Lock()
		if err != nil || (len(judged) == 1) != of.all || (asked > 0) != of.all {
			t.Errorf("%s judges %d objects, with %d requests and %v", of.name, len(judged), asked, err)
		}
		mu.Unlock()
	}
}
