package controller

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
)

// count has a controller's parts counted.
func (m *metrics) count(c *sync.Controller) {
	c.Connect = &countedConnections{c.Connect, m}
	c.Observer = &countedObserver{c.Observer, m.looks}
	c.Ticked = m.ticked
	m.registry.MustRegister(&syncCollector{c})
}

// Tell counts what commits came to, and trouble. That some objects are not well a gauge tells.
func (m *metrics) Tell(_ *api.Sync, n sync.News) {
	switch n.Kind {
	case sync.NewsMoved:
		if !n.Move.Relapsed && !n.Move.Recovered { // else it came to no other state
			m.commits.WithLabelValues(string(n.Move.State)).Inc()
		}
	case sync.NewsTrouble:
		m.troubles.WithLabelValues().Inc()
	}
}

// countedConnections opens what counts.
type countedConnections struct {
	sync.Connections
	m *metrics
}

// Repository opens a repository whose polls are counted.
func (k *countedConnections) Repository(ctx context.Context, s *api.Sync) (source.Repository, error) {
	r, err := k.Connections.Repository(ctx, s)
	if err != nil {
		return nil, err
	}
	return &countedRepository{r, k.m.polls}, nil
}

// Reporter opens a reporter whose statuses are counted.
func (k *countedConnections) Reporter(ctx context.Context, s *api.Sync) (outbox.Reporter, error) {
	r, err := k.Connections.Reporter(ctx, s)
	if err != nil {
		return nil, err
	}
	return &countedReporter{r, string(s.Spec.Report.Provider), k.m.reports}, nil
}

type countedRepository struct {
	source.Repository
	polls *prometheus.CounterVec
}

// HeadWithin counts.
func (r *countedRepository) HeadWithin(ctx context.Context, ref gitsource.Ref, age time.Duration) (string, error) {
	head, err := r.Repository.HeadWithin(ctx, ref, age)
	result := "success"
	if err != nil {
		result = "error"
	}
	r.polls.WithLabelValues(result).Inc()
	return head, err
}

type countedReporter struct {
	outbox.Reporter
	provider string
	reports  *prometheus.CounterVec
}

// Report counts what became of each status, and what keeps the host from taking any.
func (r *countedReporter) Report(ctx context.Context, statuses []forge.Status) forge.Answer {
	a := r.Reporter.Report(ctx, statuses)
	trouble := 0
	if a.Trouble != nil {
		trouble = 1
	}
	for result, n := range map[string]int{"told": len(a.Told), "refused": len(a.Refused), "unknown": len(a.Unknown),
		"failed": len(a.Failed), "trouble": trouble} {
		r.reports.WithLabelValues(r.provider, result).Add(float64(n))
	}
	return a
}

// Receiver opens a receiver whose notifications are counted.
func (k *countedConnections) Receiver(ctx context.Context, s *api.Sync) (notify.Receiver, error) {
	r, err := k.Connections.Receiver(ctx, s)
	if err != nil {
		k.m.notifications.WithLabelValues("trouble").Inc()
		return nil, err
	}
	return &countedReceiver{r, k.m.notifications}, nil
}

type countedReceiver struct {
	notify.Receiver
	notifications *prometheus.CounterVec
}

// Take counts what became of each notification, and how often none could be sent.
func (r *countedReceiver) Take(ctx context.Context, e notify.Event) notify.Answer {
	a := r.Receiver.Take(ctx, e)
	result := "told"
	switch {
	case a.Trouble != nil:
		result = "trouble"
	case a.Refused != nil:
		result = "refused"
	}
	r.notifications.WithLabelValues(result).Inc()
	return a
}

type countedObserver struct {
	sync.Observer
	looks prometheus.Counter
}

// Look counts.
func (o *countedObserver) Look(target rollout.Target) (rollout.Look, bool) {
	o.looks.Inc()
	return o.Observer.Look(target)
}
