package controller

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// count has a controller's parts counted.
func (m *metrics) count(c *sync.Controller) {
	c.Connect = &countedConnections{c.Connect, m}
	c.Observer = &countedObserver{c.Observer, m.looks}
	c.Ticked = m.ticked
	m.registry.MustRegister(&syncCollector{c})
}

// Moved counts what commits came to. As a teller the metrics need no more than that and trouble.
func (m *metrics) Moved(_ *api.Sync, move gate.Move) {
	if move.Relapsed || move.Recovered { // it came to no other state
		return
	}
	m.commits.WithLabelValues(string(move.State)).Inc()
}

// Trouble counts.
func (m *metrics) Trouble(*api.Sync, error) { m.troubles.WithLabelValues().Inc() }

// Progressed is not counted.
func (m *metrics) Progressed(*api.Sync) {}

// Pruned is not counted.
func (m *metrics) Pruned(*api.Sync, manifests.Inventory) {}

// Braked is not counted.
func (m *metrics) Braked(*api.Sync, gate.BrakeOrder) {}

// HandedOver counts nothing.
func (m *metrics) HandedOver(*api.Sync, gate.HandoverOrder) {}

// Warned is not counted.
func (m *metrics) Warned(*api.Sync, []string) {}

// Ailed is not counted: a gauge tells it.
func (m *metrics) Ailed(*api.Sync, string) {}

// Drifted is not counted.
func (m *metrics) Drifted(*api.Sync, sync.DriftNews) {}

// countedConnections opens what counts.
type countedConnections struct {
	sync.Connections
	m *metrics
}

// Repository opens a repository whose polls are counted.
func (k *countedConnections) Repository(ctx context.Context, s *api.Sync) (sync.Repository, error) {
	r, err := k.Connections.Repository(ctx, s)
	if err != nil {
		return nil, err
	}
	return &countedRepository{r, k.m.polls}, nil
}

// Reporter opens a reporter whose statuses are counted.
func (k *countedConnections) Reporter(ctx context.Context, s *api.Sync) (sync.Reporter, error) {
	r, err := k.Connections.Reporter(ctx, s)
	if err != nil {
		return nil, err
	}
	return &countedReporter{r, string(s.Spec.Report.Provider), k.m.reports}, nil
}

type countedRepository struct {
	sync.Repository
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
	sync.Reporter
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
	for result, n := range map[string]int{"told": len(a.Told), "refused": len(a.Refused), "unknown": len(a.Unknown), "failed": len(a.Failed), "trouble": trouble} {
		r.reports.WithLabelValues(r.provider, result).Add(float64(n))
	}
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
