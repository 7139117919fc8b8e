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
	writesOfATurn   = 160
	moreThanWorkers = 4 * 16
)

// Law 15, under the rights that are installed: a tenant's agent that crashes on many nodes is braked beside another
// tenant whose admission webhook takes nine seconds for every write, whose commits take minutes to be prepared, and whose
// Git servers never answer, before a single one of those turns has come to its end.
func TestATenantsSlowWebhookAndServersKeepNobodyFromBeingBraked(t *testing.T) {
	t.Parallel()
	w := newTenants(t, 40, "beside", "slow")
	repo, _ := w.agent("beside", "v1", "")
	w.sync("beside", "agents", repo, "")
	w.complete("beside", gittest.Run(t, filepath.Join(w.dir, "beside"), "rev-parse", "HEAD"))

	hook, servers := w.slowWebhook("slow"), hangingServer(t)
	w.hang(hook, servers)
	w.broken("beside")
	writes, ended, polls := hook.writes(), hook.ended(), servers.count()
	if ended > 0 {
		t.Errorf("the brake came when %d turns of another tenant had ended", ended)
	}
	if writes <= moreThanWorkers || polls < 8 {
		t.Errorf("the story is too tame: %d writes wait for a webhook, %d polls hang", writes, polls)
	}
	t.Logf("braked beside %d writes and %d dry runs that wait for a webhook, and %d polls that hang", writes, hook.dryRuns(), polls)
}

// hang has the tenant of namespace slow hold up all that it can, and returns when it does.
func (w *tenants) hang(hook *slowWebhook, servers *hanging) {
	w.t.Helper()
	repo := filepath.Join(w.dir, "slow")
	for i := range hangingTurns {
		folder := fmt.Sprint("write-", i)
		var objects strings.Builder
		for n := range writesOfATurn {
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
