package sync

import (
	"context"
	"errors"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/outbox"
)

// hostConnections report to a played host over http instead of by notes.
type hostConnections struct {
	*plainConnections
	url   string
	fails error
}

func (k *hostConnections) Reporter(context.Context, *api.Sync) (outbox.Reporter, error) {
	if k.fails != nil {
		return nil, k.fails
	}
	place, err := forge.Locate(forge.Gitea, "/srv/fleet", k.url, "platform/fleet")
	if err != nil {
		return nil, err
	}
	return forge.NewHost(place, func(context.Context) (forge.Token, error) { return forge.Token{Secret: "t0ken"}, nil },
		forge.Options{})
}

// reportsTo runs a controller that reports to a host.
func (w *world) reportsTo(k *hostConnections, data string) (stop func()) {
	w.t.Helper()
	c := w.newController(w.namespace, shared.Config, data)
	k.plainConnections = &plainConnections{config: shared.Config, store: gitsource.Open(data+"/mirrors",
		gitsource.Options{}), data: data}
	c.Connect, c.Cluster = k, "test"
	return w.start(c)
}

// 500 commits are pushed while an agent is rolling out; one of them is carried through by the last. The Git host is
// away for most of it, and Daemongate is restarted in the middle. In the end every single commit has its right state
// there, and none was told an older state after a newer one.
func TestFiveHundredCarriedCommitsAreAllTold(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	host := forgetest.New(forge.Gitea, "platform/fleet", "t0ken")
	server := httptest.NewServer(host)
	t.Cleanup(server.Close)
	k := &hostConnections{url: server.URL + host.API()}
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	host.Push(v1)
	w.create(func(s *api.SyncSpec) {
		s.Report.Provider, s.Report.SecretRef = api.ProviderGitea, &api.LocalObjectReference{Name: "token"}
		s.Source.Interval.Duration = 2 * time.Second
	})
	data := t.TempDir()
	stop := w.reportsTo(k, data)
	w.waitFor(v1, api.Complete)
	w.hostSays(host, v1, "success", "Complete")

	host.Down(true)
	slow := w.push("slow", map[string]string{"agent.yaml": strings.Replace(agent("v2"), "maxUnavailable: 100%",
		"maxUnavailable: 1", 1)})
	w.waitFor(slow, api.RollingOut)
	w.emptyCommits(499)
	last := w.push("last", map[string]string{"config.yaml": configMap("config", "1")})
	w.wait("all to be held, or carried", func(s api.SyncStatus) bool { return s.Held.Count == 500 || s.Passed == last })
	stop()
	commits := strings.Fields(w.git("rev-list", v1+".."+last))
	if len(commits) != 501 {
		t.Fatalf("%d commits", len(commits))
	}
	host.Push(commits...)
	stop = w.reportsTo(k, data)
	w.wait("the last to be Complete", func(s api.SyncStatus) bool { return s.LastComplete == last })
	stop()
	host.Down(false)
	w.reportsTo(k, data)

	w.hostSays(host, last, "success", "Complete: 12 nodes")
	w.hostSays(host, slow, "success", "Complete: 12 nodes")
	carried := slices.DeleteFunc(commits, func(c string) bool { return c == last || c == slow })
	text := "rolled out as part of " + api.Short(last)
	w.wait("the host to say of all others that they were "+text, func(api.SyncStatus) bool {
		return !slices.ContainsFunc(carried, func(c string) bool {
			told := host.Last(c, w.context())
			return told.State != "success" || !strings.HasPrefix(told.Description, text)
		})
	})
	for _, c := range carried {
		if n := len(host.Statuses(c, w.context())); n != 1 {
			t.Fatalf("commit %s was told %d times", api.Short(c), n)
		}
	}
}

// emptyCommits commits nothing, many times.
func (w *world) emptyCommits(n int) {
	w.t.Helper()
	var stream strings.Builder
	for i := range n {
		stream.WriteString("commit refs/heads/main\ncommitter Ada <ada@example.com> 1790000000 +0000\ndata 5\nempty\n")
		if i == 0 {
			stream.WriteString("from refs/heads/main^0\n")
		}
	}
	c := exec.Command("git", "fast-import", "--quiet")
	c.Dir, c.Stdin = w.work, strings.NewReader(stream.String())
	if out, err := c.CombinedOutput(); err != nil {
		w.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

func (w *world) context() string { return "daemongate/test/" + w.namespace + "/agents" }

// hostSays waits until a commit has a state on the host, with a text that begins so.
func (w *world) hostSays(host *forgetest.Host, commit, state, text string) {
	w.t.Helper()
	w.wait("the host to say "+state+" of "+api.Short(commit), func(api.SyncStatus) bool {
		last := host.Last(commit, w.context())
		return last.State == state && strings.HasPrefix(last.Description, text)
	})
}

// A reporter that cannot even be opened, because its Secret is missing, holds no commit; once it can be, the host is
// told.
func TestAMissingReportSecretHoldsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := forgetest.New(forge.Gitea, "platform/fleet", "t0ken")
	server := httptest.NewServer(host)
	t.Cleanup(server.Close)
	bad := w.push("bad", map[string]string{"agent.yaml": "kind: DaemonSet\n"})
	w.create(func(s *api.SyncSpec) {
		s.Report.Provider, s.Report.SecretRef = api.ProviderGitea, &api.LocalObjectReference{Name: "token"}
	})
	data := t.TempDir()
	stop := w.reportsTo(&hostConnections{url: server.URL + host.API(), fails: errors.New("spec.report.secretRef: not " +
		"found")}, data)
	w.waitFor(bad, api.Failed)
	good := w.push("good", map[string]string{"agent.yaml": agent("v1")})
	w.waitFor(good, api.Complete)
	stop()
	host.Push(bad, good)
	w.reportsTo(&hostConnections{url: server.URL + host.API()}, data)
	w.hostSays(host, bad, "error", "Failed: ")
	w.hostSays(host, good, "success", "Complete: 12 nodes")
}
