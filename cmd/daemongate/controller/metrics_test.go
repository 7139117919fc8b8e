package controller

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/source"
)

// standIn is a Sync that is stuck and one that is not, without a controller; and a repository, a host and an observer.
type standIn struct {
	sync.Connections
	source.Repository
	sync.Observer
}

func (standIn) Known() []*api.Sync {
	stuck, fine := &api.Sync{}, &api.Sync{}
	stuck.Namespace, stuck.Name, fine.Namespace, fine.Name = "platform", "agents", "platform", "others"
	stuck.Status.InFlight = &api.Flight{State: api.Stuck, Causes: []api.Cause{
		{Code: "ImagePull", NodeCount: 3, Nodes: []string{"node-7"}, Message: "node-7 says no"},
		{Code: "ImagePull", NodeCount: 1}, {Code: "CrashLoop", NodeCount: 2}}}
	stuck.Status.Held.Count = 7
	fine.Status.InFlight = &api.Flight{State: api.Complete, Causes: []api.Cause{{Code: "NodeLost", NodeCount: 1}}}
	fine.Status.Summary.State = api.Failed
	paced := &api.Sync{}
	paced.Namespace, paced.Name = "platform", "paced"
	paced.Status.InFlight = &api.Flight{State: api.RollingOut, Stage: &api.FlightStage{Name: "zone/node-7", Index: 2, Of: 5,
		WaitsFor: api.StageApproval, Message: "node-7 has soaked"}}
	return []*api.Sync{stuck, fine, paced}
}

func (standIn) Undelivered() map[string]int { return map[string]int{"platform/agents": 4} }

func (standIn) Unnotified() map[string]int { return map[string]int{"platform/agents": 2} }
func (standIn) Ready() (role, error)       { return leads, nil }

func (standIn) HeadWithin(_ context.Context, ref gitsource.Ref, _ time.Duration) (string, error) {
	if ref.Branch == "" {
		return "", errors.New("unreachable")
	}
	return "head", nil
}

func (standIn) Report(_ context.Context, s []forge.Status) forge.Answer {
	return forge.Answer{Told: s, Trouble: errors.New("down")}
}

func (standIn) Look(rollout.Target) (rollout.Look, bool) { return rollout.Look{}, false }

// busyMetrics have been told of one thing of each kind.
func busyMetrics(t *testing.T) *metrics {
	t.Helper()
	m := newMetrics()
	m.registry.MustRegister(&syncCollector{standIn{}})
	m.Tell(nil, sync.News{Kind: sync.NewsMoved, Move: &gate.Move{State: api.Complete}})
	m.Tell(nil, sync.News{Kind: sync.NewsTrouble})
	polled := &countedRepository{standIn{}, m.polls}
	_, _ = polled.HeadWithin(t.Context(), gitsource.Ref{Branch: "main"}, 0)
	_, _ = polled.HeadWithin(t.Context(), gitsource.Ref{}, 0)
	(&countedReporter{standIn{}, "Notes", m.reports}).Report(t.Context(), make([]forge.Status, 2))
	(&countedObserver{standIn{}, m.looks}).Look(rollout.Target{})
	m.ticked(3 * time.Millisecond)
	hooks := m.countingHooks(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		say(w, http.StatusUnauthorized, "no")
	}))
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		hooks.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/hooks/a/b", nil))
	}
	return m
}

// What is scraped says what happened and how every Sync stands, as Prometheus wants it to be said; no node is named.
func TestMetricsSayWhatHappened(t *testing.T) {
	m := busyMetrics(t)
	if problems, err := testutil.GatherAndLint(m.registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	server := httptest.NewServer(m.handler(standIn{}, (&Controller{}).door()))
	defer server.Close()
	has(t, scrape(t, server.URL), `daemongate_sync_stuck{name="agents",namespace="platform"} 1`,
		`daemongate_sync_stuck{name="others",namespace="platform"} 0`,
		`daemongate_sync_stuck_nodes{cause="ImagePull",name="agents",namespace="platform"} 4`,
		`daemongate_sync_stuck_nodes{cause="CrashLoop",name="agents",namespace="platform"} 2`,
		`daemongate_sync_failed{name="others",namespace="platform"} 1`,
		`daemongate_sync_held_commits{name="agents",namespace="platform"} 7`,
		`daemongate_sync_outbox_entries{name="agents",namespace="platform"} 4`,
		`daemongate_sync_stage{name="paced",namespace="platform"} 2`, `daemongate_sync_stages{name="paced",namespace="platform"} 5`,
		`daemongate_sync_stage_waits{for="Approval",name="paced",namespace="platform"} 1`,
		`daemongate_commits_total{state="Complete"} 1`,
		`daemongate_troubles_total 1`, `daemongate_polls_total{result="success"} 1`,
		`daemongate_polls_total{result="error"} 1`,
		`daemongate_reports_total{provider="Notes",result="told"} 2`,
		`daemongate_reports_total{provider="Notes",result="trouble"} 1`, `daemongate_looks_total 1`,
		`daemongate_tick_duration_seconds_bucket{le="0.004"} 1`, `daemongate_webhooks_total{code="401"} 1`,
		"daemongate_lease_held 0", "go_goroutines ")
	if text := scrape(t, server.URL); strings.Contains(text, "node-7") {
		t.Errorf("a metric names a node:\n%s", text)
	}
	m.holds = func() error { return nil }
	has(t, scrape(t, server.URL), "daemongate_lease_held 1")
}

// Every metric has a row in docs/metrics.md, and every row a metric; the installed controller serves them.
func TestDocsHaveEveryMetric(t *testing.T) {
	m := newMetrics()
	m.registry.MustRegister(&syncCollector{standIn{}})
	described := make(chan *prometheus.Desc)
	go func() { m.registry.Describe(described); close(described) }()
	var served, documented []string
	for d := range described {
		if name := regexp.MustCompile(`fqName: "(daemongate_\w+)"`).FindStringSubmatch(d.String()); name != nil {
			served = append(served, name[1])
		}
	}
	text := page(t, "../../../docs/metrics.md")
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllStringSubmatch(text, -1) {
		documented = append(documented, row[1])
	}
	slices.Sort(served)
	slices.Sort(documented)
	if !slices.Equal(served, documented) {
		t.Errorf("the metrics are\n%q\nand documented are\n%q", served, documented)
	}
	for _, name := range regexp.MustCompile(`daemongate_\w+`).FindAllString(text, -1) {
		if !slices.Contains(served, name) {
			t.Errorf("docs/metrics.md speaks of %s, which is not there", name)
		}
	}
	if installed := page(t, "../../../manifests/install/daemongate.yaml"); !strings.Contains(installed,
		"--metrics-address=:9090") || !strings.Contains(installed, "containerPort: 9090") {
		t.Error("the installed controller does not serve them")
	}
}

// A controller that runs tells of a rollout that is stuck, and of webhooks that prove nothing.
func TestMetricsOfALiveController(t *testing.T) {
	p := newPlace(t)
	gittest.Commit(t, filepath.Join(p.dir, "fleet"), "agent.yaml", `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: Not An Image}]}
`)
	p.sync(`spec:
  source: {url: ` + filepath.Join(p.dir, "fleet") + `, interval: 1s}
  apply: {targetNamespace: ` + p.namespace + `}
`)
	metrics, hooks := clustertest.FreeAddress(t), clustertest.FreeAddress(t)
	p.run(Options{Metrics: metrics, Webhooks: hooks})
	// one of them may be first
	stuckNodes := `daemongate_sync_stuck_nodes{cause="InvalidImage",name="agents",namespace="` + p.namespace + `"} 2`
	clustertest.Until(t, 3*time.Minute, "the commit to be stuck on both nodes", func() (text string, ok bool) {
		if conn, err := http.Get("http://" + metrics + "/healthz"); err == nil {
			_ = conn.Body.Close()
			text = scrape(t, "http://"+metrics)
		}
		return text, strings.Contains(text, `daemongate_sync_stuck{name="agents",namespace="`+p.namespace+`"} 1`) &&
			strings.Contains(text, stuckNodes)
	})
	if code := send(t, http.MethodPost, "http://"+hooks+"/hooks/"+p.namespace+"/agents", "{}",
		nil); code != http.StatusNotFound {
		t.Errorf("the webhook was answered with %d", code)
	}
	if code := send(t, http.MethodGet, "http://"+metrics+"/readyz", "", nil); code != http.StatusOK {
		t.Errorf("readyz answers %d", code)
	}
	has(t, scrape(t, "http://"+metrics), `daemongate_webhooks_total{code="404"} 1`,
		`daemongate_commits_total{state="Stuck"} 1`, `daemongate_polls_total{result="success"} `,
		"daemongate_looks_total ", "daemongate_lease_held 1", "daemongate_tick_duration_seconds_count ")
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url + "/metrics")
	check(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	return string(text)
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%s is not said in\n%s", line,
				regexp.MustCompile(`(?m)^(#|go_|process_|promhttp_).*\n`).ReplaceAllString(text, ""))
		}
	}
}

// page is a file of the repository.
func page(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	return string(text)
}
