package page

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// The controller may read all nodes and pods, and people see by its page what it reads: of a Sync that tells only counts
// in the cluster the page names no node and nothing that a pod says, from when that was asked for on. Who has started the
// page for themselves sees what they may read.
func TestCountsNameNoNodeOnThePage(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*", "get-daemonsets */*")
	server := c.inCluster(false)
	paths := []string{"/syncs/platform/agents", "/syncs/platform/agents?show=nodes", "/syncs/platform/agents/commits/bbbbbbb",
		"/nodes/node-2"}
	get := func(path string) answer {
		return ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer adas")
	}
	c.turns("node-3", rollout.IsFailing)
	if got := get(paths[0]); !strings.Contains(got.text, "node-2") {
		t.Fatalf("before that the page names no node:\n%s", got.text)
	}
	c.turns("node-3", rollout.IsSettled) // of which the page of the commit tells
	clustertest.Until(t, time.Minute, "the page of the commit to tell of a node", func() (string, bool) {
		text := get(paths[2]).text
		return text, strings.Contains(text, "node-3")
	})
	c.set(func() {
		s := *c.syncs["platform/agents"]
		s.Spec.Report.InCluster, s.Generation = api.TellCounts, 2
		s.Status.InFlight = s.Status.InFlight.DeepCopy()
		s.Status.InFlight.Nodes = api.NodeCounts{Desired: 3, Updated: 2, Settled: 1}
		c.version++
		s.ResourceVersion = "2000"
		c.syncs["platform/agents"] = &s
		c.tell("MODIFIED", &s)
	})
	clustertest.Until(t, time.Minute, "the page to name no node, when only counts are to be told", func() (string, bool) {
		text := get(paths[0]).text
		return text, !strings.Contains(text, "node-2")
	})
	for _, path := range paths {
		got := get(path)
		hasNone(t, path, strings.ReplaceAll(got.text, "/nodes/", ""), []string{"node-1", "node-3", "it ends"})
		if path == paths[0] && (got.code != http.StatusOK || !strings.Contains(got.text, "<b>1/3</b> settled")) {
			t.Errorf("the page of the Sync is, with %d, without the counts:\n%s", got.code, got.text)
		}
		if path == paths[3] && got.code != http.StatusNotFound {
			t.Errorf("the page of a node is %d:\n%s", got.code, got.text)
		}
	}
	next, end := events(t, server.URL+paths[0]+"/live", "Authorization", "Bearer adas")
	defer end()
	hasNone(t, "a frame", next(), []string{"node-1", "node-2", "node-3", "it ends"})
	own, _, address := c.ours()
	got := ask(t, http.MethodGet, own.URL+paths[0], "", "Cookie", cookieOf(ask(t, http.MethodGet, address, "")))
	if !strings.Contains(got.text, "node-2") {
		t.Errorf("who reads with their own rights sees:\n%s", got.text)
	}
}

// What the page does not judge anew, because that is for the Sync's own ServiceAccount to read, it tells as the controller
// has found it: a DaemonSet that is Complete is not all, and a cause of another object is not left out.
func TestWhatIsNotJudgedIsToldAsItIsWritten(t *testing.T) {
	c := newCluster(t)
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.RollingOut, Message: "waits for Deployment logging/ui: 0 of 2"}
	s.Status.InFlight = &api.Flight{Commit: strings.Repeat("b", 40), State: api.RollingOut,
		Workloads: []api.Workload{{Group: "apps", Kind: "DaemonSet", Namespace: "logging", Name: "agent"},
			{Group: "apps", Kind: "Deployment", Namespace: "logging", Name: "ui"}},
		Causes: []api.Cause{{Object: "DaemonSet logging/agent", Code: "CrashLoop", Message: "as it was before"},
			{Object: "Deployment logging/ui", Code: "NotReady", Message: "the ui crashes"}}}
	judged, err := (&flight{cluster: c}).Judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := viewOf(view.Seen{Now: time.Now(), Sync: s, Judged: judged})
	if n := len(v.Causes); n != 2 || v.Causes[0].Message != "it ends" || v.Causes[1].Message != "the ui crashes" {
		t.Errorf("the causes are %+v", v.Causes)
	}
	judged[0].Judgement = rollout.Judgement{Verdict: rollout.Complete, Desired: 3, Updated: 3, Settled: 3}
	if v = viewOf(view.Seen{Now: time.Now(), Sync: s, Judged: judged}); !strings.Contains(v.Verdict, "waits for Deployment logging/ui") {
		t.Errorf("with a DaemonSet that is Complete it says %q", v.Verdict)
	}
}
