package sync

import (
	"context"
	"net/http"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/statuses"
	"github.com/daemongate/daemongate/gitsource/hosttest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/commitstatus"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
)

// statusConnections report to a real Git host, and read there what others have reported.
type statusConnections struct {
	*plainConnections
	host *forge.Host
}

func (k *statusConnections) Reporter(context.Context, *api.Sync) (outbox.Reporter, error) {
	return k.host, nil
}

func (k *statusConnections) Statuses(context.Context, *api.Sync) (source.StatusReader, error) {
	return statuses.NewReader(k.host)
}

// tellsBy runs a controller of a cluster that is called so, and that tells and hears by the statuses of a host.
func (w *world) tellsBy(host *forge.Host, cluster string) {
	w.t.Helper()
	data := w.t.TempDir()
	c := w.newController(w.namespace, shared.Config, data)
	c.Connect = &statusConnections{&plainConnections{config: shared.Config, store: gitsource.Open(data+"/mirrors",
		gitsource.Options{}), data: data}, host}
	c.Cluster = cluster
	w.start(c)
}

// On a real Git host a commit goes from cluster to cluster by its statuses: it starts once it is Complete in the canary, as
// the accounts have told that are believed; what somebody else writes in the canary's name counts for nothing. What is
// stuck there never starts, and says so; the fix goes the same way, and carries it.
func TestACommitGoesFromClusterToClusterByStatuses(t *testing.T) {
	t.Parallel()
	canary := newWorld(t)
	host := hosttest.Start(t)
	repository := must(host.CreateRepo("fleet"))
	at := "/repos/" + host.User + "/fleet"
	canary.check(host.Call(http.MethodPatch, at, map[string]any{"private": false}, nil))
	canary.check(host.Call(http.MethodPost, "/admin/users", map[string]any{"username": "mallory", "password": "pass-w0rd-0f-hers",
		"email": "mallory@example.com", "must_change_password": false}, nil))
	canary.check(host.Call(http.MethodPut, at+"/collaborators/mallory", map[string]any{"permission": "write"}, nil))
	as := func(token forge.Token) *forge.Host {
		place := must(forge.Locate(forge.Gitea, repository, "", ""))
		return must(forge.NewHost(place, func(context.Context) (forge.Token, error) { return token, nil }, forge.Options{}))
	}
	bot, mallory := forge.Token{Secret: must(host.NewToken("write:repository"))}, forge.Token{Username: "mallory", Secret: "pass-w0rd-0f-hers"}
	canary.git("remote", "set-url", "origin", host.WithCredentials(repository))
	canary.url = repository
	rest := newWorld(t)
	rest.work, rest.files, rest.url = canary.work, canary.files, repository
	reports := func(s *api.SyncSpec) {
		s.Report.Provider, s.Report.SecretRef = api.ProviderGitea, &api.LocalObjectReference{Name: "token"}
	}
	push := func(version string, made func(string) string) string {
		return canary.push(version, map[string]string{"agent.yaml": made(small(version))})
	}
	well := func(daemonSet string) string { return daemonSet }

	v1 := push("v1", well)
	canary.create(reports)
	rest.create(func(s *api.SyncSpec) {
		reports(s)
		s.Gate.After = []api.After{{Cluster: "canary-*", Count: 1, Channel: api.ChannelStatuses, Creators: []string{host.User}}}
	})
	forged := commitstatus.Context(must(canary.syncs.Get(t.Context(), canary.namespace, "agents")), "canary-1")
	lies := func(commit string) {
		canary.check(as(mallory).Report(t.Context(), []forge.Status{{Commit: commit, Context: forged, State: forge.Success,
			Description: "Complete: 12 nodes"}}).Err())
	}
	lies(v1)
	rest.tellsBy(as(bot), "rest-1")
	rest.says(v1, api.Held, "canary-1 does not count: its statuses are by mallory")
	canary.tellsBy(as(bot), "canary-1")
	rest.waitFor(v1, api.Complete)

	v2 := push("v2", crashing)
	canary.waitFor(v2, api.Stuck)
	lies(v2)
	rest.says(v2, api.Held, "canary-1 is stuck at "+api.Short(v2))
	if at := rest.status().InFlight.Commit; at != v1 {
		t.Errorf("the rest is at %s, and the canary is stuck", api.Short(at))
	}
	v3 := push("v3", well)
	rest.waitFor(v3, api.Complete)
	if r := recordOf(rest.status(), v2); r == nil || r.State != api.Carried {
		t.Errorf("what was stuck at the canary is %+v here", r)
	}
}
