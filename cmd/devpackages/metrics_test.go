package devpackages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// sample is the value of a series in one scrape.
type sample struct {
	labels labels.Labels
	value  float64
}

// scraped is what every controller says now, read by Prometheus' own parser with the token that the PodMonitor names.
func (w *world) scraped(t *testing.T) (samples []sample) {
	t.Helper()
	token := w.token(t, "daemongate-scraper")
	for _, url := range w.scrape {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		check(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		check(t, err)
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		check(t, err)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", answer.Status, text)
		}
		p, err := textparse.New(text, answer.Header.Get("Content-Type"), labels.NewSymbolTable(), textparse.ParserOptions{})
		check(t, err)
		for {
			entry, err := p.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			check(t, err)
			if entry != textparse.EntrySeries {
				continue
			}
			var s sample
			_, _, s.value = p.Series()
			p.Labels(&s.labels)
			s.labels = labels.NewBuilder(s.labels).Set("instance", url).Labels()
			samples = append(samples, s)
		}
	}
	return samples
}

// past is what Prometheus has stored: scrapes, one every 30 seconds.
type past struct {
	series map[uint64]*promql.Series
	now    time.Time
}

func newPast() *past {
	return &past{map[uint64]*promql.Series{}, time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)}
}

// goesOn scrapes the same for some times.
func (p *past) goesOn(times int, samples []sample) *past {
	for range times {
		p.now = p.now.Add(30 * time.Second)
		for _, s := range samples {
			one := p.series[s.labels.Hash()]
			if one == nil {
				one = &promql.Series{Metric: s.labels}
				p.series[s.labels.Hash()] = one
			}
			one.Floats = append(one.Floats, promql.FPoint{T: p.now.UnixMilli(), F: s.value})
		}
	}
	return p
}

// asked is what Prometheus answers to a query, so long before the end.
func (p *past) asked(t *testing.T, query string, before time.Duration) promql.Vector {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, Parser: language})
	q, err := engine.NewInstantQuery(t.Context(), p, nil, query, p.now.Add(-before))
	check(t, err)
	defer q.Close()
	found, err := q.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return slices.Clone(found)
}

// Querier, Select and so on make it a storage of Prometheus.
func (p *past) Querier(int64, int64) (storage.Querier, error) { return p, nil }

func (p *past) Select(_ context.Context, _ bool, _ *storage.SelectHints, asked ...*labels.Matcher) storage.SeriesSet {
	set := &found{at: -1}
	for _, hash := range slices.Sorted(maps.Keys(p.series)) {
		one := p.series[hash]
		if !slices.ContainsFunc(asked, func(m *labels.Matcher) bool { return !m.Matches(one.Metric.Get(m.Name)) }) {
			set.series = append(set.series, promql.NewStorageSeries(*one))
		}
	}
	return set
}

func (p *past) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string,
	annotations.Annotations, error) {
	return nil, nil, nil
}

func (p *past) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations,
	error) {
	return nil, nil, nil
}

func (p *past) Close() error { return nil }

type found struct {
	series []storage.Series
	at     int
}

func (f *found) Next() bool                        { f.at++; return f.at < len(f.series) }
func (f *found) At() storage.Series                { return f.series[f.at] }
func (f *found) Err() error                        { return nil }
func (f *found) Warnings() annotations.Annotations { return nil }

// isWatched has a second controller stand by, and plays a fault: no alert fires while all is well, those for a commit
// that is stuck and for webhooks that prove nothing do then, and every metric that a query names is there.
func (w *world) isWatched(t *testing.T) {
	t.Helper()
	w.runs(t)
	w.isReady(t)
	well := w.told(t)
	asks := watches(t)
	if firing := asks.firing(t, newPast().goesOn(130, well)); len(firing) > 0 {
		t.Errorf("all is well, and there are alerts: %q", firing)
	}
	w.pushes(t, "registry.local/agent:latset")
	w.comesTo(t, "Stuck")
	for range 25 {
		r, err := http.Post(w.base+"/hooks/platform/agents", "application/json", strings.NewReader("{}"))
		check(t, err)
		r.Body.Close()
	}
	ill := w.told(t)
	want := []string{"DaemongateForgedWebhooks", "DaemongateRolloutStuck"}
	if firing := asks.firing(t, newPast().goesOn(110, well).goesOn(20, ill)); !slices.Equal(firing, want) {
		t.Errorf("a commit is stuck and webhooks prove nothing, and the alerts are %q", firing)
	}
	w.scraperMayNothingElse(t)
	asks.knowAll(t, append(well, ill...))
	asks.fireEach(t, well)
	asks.letSomeFail(t, well)
}

// told scrapes when all that is to be told of commits has been: a busy machine takes its time for that, and a moment of it
// would count for all of the past that is made of the samples.
func (w *world) told(t *testing.T) (samples []sample) {
	t.Helper()
	clustertest.Until(t, 2*time.Minute, "all to be told", func() (string, bool) {
		samples = w.scraped(t)
		for _, s := range samples {
			if s.labels.Get(labels.MetricName) == "daemongate_sync_outbox_entries" && s.value > 0 {
				return fmt.Sprintf("%v wait in %s", s.value, s.labels), false
			}
		}
		return "", true
	})
	return samples
}

// scraperMayNothingElse holds that with the token that is installed for Prometheus nothing of the cluster can be read.
func (w *world) scraperMayNothingElse(t *testing.T) {
	t.Helper()
	for _, resource := range []string{"secrets", "configmaps", "pods", "nodes", "syncs"} {
		for _, verb := range []string{"get", "list", "create"} {
			asked := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:   "system:serviceaccount:" + system + ":daemongate-scraper",
				Groups: []string{"system:serviceaccounts", "system:authenticated"},
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: "*", Resource: resource,
					Namespace: system}}}
			answer, err := w.kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), asked, metav1.CreateOptions{})
			check(t, err)
			if answer.Status.Allowed {
				t.Errorf("Prometheus may %s %s", verb, resource)
			}
		}
	}
}

// firing are the alerts whose query has answered something for as long as they want.
func (w watching) firing(t *testing.T, p *past) (names []string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(w.alerts)) {
		a, holds := w.alerts[name], true
		for before := time.Duration(0); holds && before <= a.holds; before += 30 * time.Second {
			holds = len(p.asked(t, a.query, before)) > 0
		}
		if holds {
			names = append(names, name)
		}
	}
	return names
}

// knowAll holds that queries name no metric that nobody serves, and that each panel can be drawn.
func (w watching) knowAll(t *testing.T, samples []sample) {
	t.Helper()
	served := map[string]bool{}
	for _, s := range samples {
		served[s.labels.Get(labels.MetricName)] = true
	}
	p := newPast().goesOn(10, samples)
	queries := maps.Clone(w.panels)
	for name, a := range w.alerts {
		queries[name] = a.query
	}
	for name, query := range queries {
		read, err := language.ParseExpr(query)
		check(t, err)
		parser.Inspect(read, func(n parser.Node, _ []parser.Node) error {
			if selects, is := n.(*parser.VectorSelector); is && !served[selects.Name] {
				t.Errorf("%s asks for %s, which is not served", name, selects.Name)
			}
			return nil
		})
	}
	for name, query := range w.panels {
		if len(p.asked(t, query, 0)) == 0 {
			t.Errorf("panel %s shows nothing: %s", name, query)
		}
	}
}

// fireEach plays one change of what is served when all is well for each alert that the story has not: that alert fires
// then.
func (w watching) fireEach(t *testing.T, well []sample) {
	t.Helper()
	grows := 0.0
	for alert, change := range map[string]func(name string, s *sample) (stays bool){
		"DaemongateNobodyWrites": func(name string, s *sample) bool {
			if name == "daemongate_lease_held" {
				s.value = 0
			}
			return true
		},
		"DaemongateIsAway": func(string, *sample) bool { return false },
		"DaemongateNobodyStandsBy": func(_ string, s *sample) bool {
			return s.labels.Get("instance") == well[0].labels.Get("instance")
		},
		"DaemongateCommitRefused":  set("daemongate_sync_failed", 1),
		"DaemongateObjectsUnwell":  set("daemongate_sync_unhealthy_objects", 2),
		"DaemongateStatusesPileUp": set("daemongate_sync_outbox_entries", 1),
		"DaemongatePanics":         set("daemongate_panics_total", 1),
		"DaemongateGitCannotBePolled": func(name string, s *sample) bool {
			if name == "daemongate_polls_total" && s.labels.Get("result") == "error" {
				grows++
				s.value = grows
			}
			return true
		},
	} {
		p := newPast().goesOn(110, well)
		for range 70 { // longer than any alert waits, and than a rate looks back
			p.goesOn(1, changed(well, change))
		}
		if firing := w.firing(t, p); !slices.Contains(firing, alert) {
			t.Errorf("%s does not fire: %q", alert, firing)
		}
	}
}

// letSomeFail holds that polls which fail while others succeed are no alert.
func (w watching) letSomeFail(t *testing.T, well []sample) {
	t.Helper()
	p, grows := newPast().goesOn(110, well), 0.0
	for range 70 {
		grows += 10
		p.goesOn(1, changed(well, func(name string, s *sample) bool {
			if name == "daemongate_polls_total" {
				s.value += grows
			}
			return true
		}))
	}
	if firing := w.firing(t, p); len(firing) > 0 {
		t.Errorf("some polls fail, and there are alerts: %q", firing)
	}
}

func set(metric string, value float64) func(string, *sample) bool {
	return func(name string, s *sample) bool {
		if name == metric {
			s.value = value
		}
		return true
	}
}

func changed(samples []sample, change func(string, *sample) bool) (after []sample) {
	for _, s := range samples {
		if change(s.labels.Get(labels.MetricName), &s) {
			after = append(after, s)
		}
	}
	return after
}
