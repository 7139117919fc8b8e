package controller

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what Prometheus is told: docs/metrics.md. No label holds a commit, a message, or anything else without
// bounds.
type metrics struct {
	registry *prometheus.Registry

	commits, troubles, polls, reports, notifications, webhooks *prometheus.CounterVec
	looks, panics                                              prometheus.Counter
	ticks                                                      prometheus.Histogram

	holds func() error // says why this process may write nothing, if so
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "daemongate", Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		commits:  counter("commits_total", "Commits that came to a state.", "state"),
		troubles: counter("troubles_total", "What could not be done and is tried again."),
		polls: counter("polls_total",
			"How often a Sync asked where its ref is; Syncs of one repository share the answers.", "result"),
		reports: counter("reports_total", "Statuses for Git hosts, by what became of them.", "provider", "result"),
		notifications: counter("notifications_total",
			"Notifications of changes of commits' states, by what became of them; trouble is each try that failed.",
			"result"),
		webhooks: counter("webhooks_total", "Webhooks by the status they were answered with.", "code"),
		looks: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "daemongate", Name: "looks_total",
			Help: "Looks at the rollout of a DaemonSet."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "daemongate", Name: "panics_total",
			Help: "Panics that were caught: each is a fault of Daemongate's."}),
		ticks: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "daemongate", Name: "tick_duration_seconds",
			Help: "How long a turn of a Sync took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}),
	}
	// A counter that begins at 1 has not increased: what alerts look for is there from the start.
	m.troubles.WithLabelValues()
	for _, result := range []string{"success", "error"} {
		m.polls.WithLabelValues(result)
	}
	for _, result := range []string{"refused", "trouble"} {
		m.notifications.WithLabelValues(result)
	}
	m.webhooks.WithLabelValues("404")
	held := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "daemongate", Name: "lease_held",
		Help: "Whether this process holds the Lease without which nothing is written: 1 or 0."},
		func() float64 { return float64(oneIf(m.holds != nil && m.holds() == nil)) })
	m.registry.MustRegister(held, m.commits, m.troubles, m.polls, m.reports, m.notifications, m.webhooks, m.looks,
		m.panics, m.ticks,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// ticked is told of every turn of a Sync.
func (m *metrics) ticked(took time.Duration) { m.ticks.Observe(took.Seconds()) }

// handler serves what Prometheus scrapes, to whom the door lets in, and probes to everybody.
func (m *metrics) handler(syncs readiness, door func(http.Handler) http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", door(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})))
	addProbes(mux, syncs)
	return mux
}

// countingHooks counts the answers to webhooks. Probes are none.
func (m *metrics) countingHooks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		c := &coded{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(c, r)
		m.webhooks.WithLabelValues(strconv.Itoa(c.code)).Inc()
	})
}

// coded remembers the status that was answered.
type coded struct {
	http.ResponseWriter
	code int
}

// Unwrap is for who sets deadlines.
func (c *coded) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader remembers.
func (c *coded) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}
