package devpackages

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
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
)

// sample is the value of a series in one scrape.
type sample struct {
	labels labels.Labels
	value  float64
}

// scraped is what every controller that runs says now, read by Prometheus' own parser with the token that the
// PodMonitor names.
func (w *world) scraped(t *testing.T) (samples []sample) {
	t.Helper()
	if w.scraper == "" {
		w.scraper = w.token(t, "daemongate-scraper")
	}
	for _, url := range w.scrape {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		check(t, err)
		r.Header.Set("Authorization", "Bearer "+w.scraper)
		answer, err := http.DefaultClient.Do(r)
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue // it has ended: to Prometheus, its series end
		}
		check(t, err)
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		check(t, err)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", answer.Status, text)
		}
		samples = append(samples, read(t, url, text, answer.Header.Get("Content-Type"))...)
	}
	return samples
}

// read reads what one controller says.
func read(t *testing.T, url string, text []byte, contentType string) (samples []sample) {
	t.Helper()
	p, err := textparse.New(text, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	check(t, err)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return samples
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

// every is how often Prometheus scrapes.
const every = 30 * time.Second

// past is what Prometheus has stored.
type past struct {
	series map[uint64]*promql.Series
	now    time.Time
}

func newPast() *past {
	return &past{map[uint64]*promql.Series{}, time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)}
}

// at stores a scrape of a time.
func (p *past) at(now time.Time, samples []sample) {
	p.now = now
	for _, s := range samples {
		one := p.series[s.labels.Hash()]
		if one == nil {
			one = &promql.Series{Metric: s.labels}
			p.series[s.labels.Hash()] = one
		}
		one.Floats = append(one.Floats, promql.FPoint{T: now.UnixMilli(), F: s.value})
	}
}

// goesOn has it go on for a while as it is: every scrape says the same.
func (p *past) goesOn(how time.Duration, samples []sample) *past {
	return p.grows(how, samples, samples)
}

// grows has it go on for a while as it went between two scrapes: gauges are as in the second one, and counters grow by
// as much with every scrape.
func (p *past) grows(how time.Duration, from, to []sample) *past {
	before := map[uint64]float64{}
	for _, s := range from {
		before[s.labels.Hash()] = s.value
	}
	next := slices.Clone(to)
	for range how / every {
		p.at(p.now.Add(every), next)
		for i, s := range to {
			if was, known := before[s.labels.Hash()]; known && counts(s.labels.Get(labels.MetricName)) {
				next[i].value += s.value - was
			}
		}
	}
	return p
}

// counts tells counters and histograms by their names, by which Prometheus' conventions tell them.
func counts(metric string) bool {
	for _, end := range []string{"_total", "_bucket", "_count", "_sum"} {
		if strings.HasSuffix(metric, end) {
			return true
		}
	}
	return false
}

var engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, Parser: language})

// asked is what Prometheus answers to a query, so long before the end.
func (p *past) asked(t *testing.T, query string, before time.Duration) promql.Vector {
	t.Helper()
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
		for before := time.Duration(0); holds && before <= a.holds; before += every {
			holds = len(p.asked(t, a.query, before)) > 0
		}
		if holds {
			names = append(names, name)
		}
	}
	return names
}

// knowAll holds that queries name no metric that nobody serves, and that each panel can be drawn of one of the scrapes.
func (w watching) knowAll(t *testing.T, scrapes [][]sample) {
	t.Helper()
	served := map[string]bool{}
	for _, samples := range scrapes {
		for _, s := range samples {
			served[s.labels.Get(labels.MetricName)] = true
		}
	}
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
		if !slices.ContainsFunc(scrapes, func(samples []sample) bool {
			return len(newPast().goesOn(10*every, samples).asked(t, query, 0)) > 0
		}) {
			t.Errorf("panel %s shows nothing: %s", name, query)
		}
	}
}
