package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// renderedFor is a folder that takes a processor for a minute to render.
func renderedFor(t *testing.T, repo, folder string) {
	t.Helper()
	var objects, replacements strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&objects, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\ndata: {key: v}\n", i)
	}
	for range 4000 {
		replacements.WriteString("- source: {kind: ConfigMap, name: c0, fieldPath: data.key}\n" +
			"  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.key]}]\n")
	}
	gittest.Write(t, filepath.Join(repo, folder, "objects.yaml"), objects.String())
	gittest.Commit(t, repo, filepath.Join(folder, "kustomization.yaml"),
		"resources: [objects.yaml]\nreplacements:\n"+replacements.String())
}

// Twice as many turns as there are workers hang, each for a minute and a half and in sixteen writes at once; more than
// moreThanWorkers writes are those of more turns than there are workers.
const (
	hangingTurns    = 8
	moreThanWorkers = 4 * 16
)

// Law 15, under the rights that are installed: a tenant's agent that crashes on many nodes is braked as soon beside
// another tenant whose admission webhook takes nine seconds for every write, whose commits take minutes to be prepared,
// and whose Git servers never answer, as it is without.
func TestATenantsSlowWebhookAndServersKeepNobodyFromBeingBraked(t *testing.T) {
	t.Parallel()
	w := newTenants(t, 40, "alone", "beside", "slow")
	for _, namespace := range []string{"alone", "beside"} {
		repo, _ := w.agent(namespace, "v1", "")
		w.sync(namespace, "agents", repo, "")
	}
	for _, namespace := range []string{"alone", "beside"} {
		w.complete(namespace, gittest.Run(t, filepath.Join(w.dir, namespace), "rev-parse", "HEAD"))
	}
	alone, fromPush := w.broken("alone", 3*time.Minute)
	t.Logf("alone: first end to brake %s, push to brake %s", alone.Round(time.Millisecond), fromPush.Round(time.Millisecond))

	hook, servers := w.slowWebhook("slow"), hangingServer(t)
	w.hang(hook, servers)
	beside, fromPush := w.broken("beside", 80*time.Second)
	writes, prepares, polls := hook.writes(), hook.dryRuns(), servers.count()
	t.Logf("beside %d writes and %d dry runs that wait for a webhook, and %d polls that hang: first end to brake %s, push to "+
		"brake %s", writes, prepares, polls, beside.Round(time.Millisecond), fromPush.Round(time.Millisecond))
	if limit := alone + 10*time.Second; beside > limit {
		t.Errorf("it took %s, and alone %s", beside, alone)
	}
	if writes <= moreThanWorkers || polls < 8 {
		t.Error("the story is too tame")
	}
}

// hang has the tenant of namespace slow hold up all that it can, and returns when it does.
func (w *tenants) hang(hook *slowWebhook, servers *hanging) {
	w.t.Helper()
	repo := filepath.Join(w.dir, "slow")
	for i := range hangingTurns {
		folder := fmt.Sprint("write-", i)
		var objects strings.Builder
		for n := range 160 {
			fmt.Fprintf(&objects, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s-%d}\n", folder, n)
		}
		gittest.Write(w.t, filepath.Join(repo, folder, "objects.yaml"), objects.String())
	}
	for i := range 5 {
		gittest.Write(w.t, filepath.Join(repo, fmt.Sprint("dry-", i), "objects.yaml"),
			fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dry-%d}\n", i))
	}
	renderedFor(w.t, repo, "render")
	for i := range hangingTurns {
		w.sync("slow", fmt.Sprint("write-", i), repo, fmt.Sprint("write-", i))
	}
	clustertest.Until(w.t, 2*time.Minute, "writes to wait for the webhook", func() (string, bool) {
		return fmt.Sprint(hook.writes()), hook.writes() > moreThanWorkers
	})
	for i := range 5 {
		w.sync("slow", fmt.Sprint("dry-", i), repo, fmt.Sprint("dry-", i))
	}
	w.sync("slow", "render", repo, "render")
	for i := range 20 {
		w.sync("slow", fmt.Sprint("server-", i), fmt.Sprintf("http://%s/fleet-%d", servers.address, i), "")
	}
	clustertest.Until(w.t, 2*time.Minute, "polls to hang", func() (string, bool) {
		return fmt.Sprint(servers.count()), servers.count() >= 8
	})
}
