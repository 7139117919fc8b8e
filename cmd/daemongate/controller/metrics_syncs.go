package controller

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// knownSyncs are the Syncs as the controller knows them.
type knownSyncs interface {
	Known() []*api.Sync
	Undelivered() map[string]int
	Unnotified() map[string]int
}

// syncCollector tells how every Sync stands when it is asked, from what the controller knows already; a Sync that is
// gone is gone here too.
type syncCollector struct{ syncs knownSyncs }

func syncGauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("daemongate_"+name, help, append([]string{"namespace", "name"}, labels...), nil)
}

var (
	stuckGauge  = syncGauge("sync_stuck", "Whether the commit in flight of a Sync is stuck: 1 or 0.")
	failedGauge = syncGauge("sync_failed",
		"Whether the head of a Sync could not be verified, rendered or accepted: 1 or 0.")
	causeGauge = syncGauge("sync_stuck_nodes",
		"Nodes on which the commit in flight of a Sync is stuck, by cause.", "cause")
	ailingGauge = syncGauge("sync_unhealthy_objects",
		"Objects of a complete commit that have not been well for a minute or longer.")
	heldGauge      = syncGauge("sync_held_commits", "Commits of a Sync that wait at the gate.")
	suspendedGauge = syncGauge("sync_suspended",
		"Whether a person has suspended a Sync, by its spec or by the stop switch of all Syncs: 1 or 0.")
	stageGauge = syncGauge("sync_stage",
		"Which stage the paced commit in flight of a Sync is in, from 1; 0 while the nodes with a broken commit come "+
			"first.")
	stagesGauge        = syncGauge("sync_stages", "How many stages the paced commit in flight of a Sync has.")
	waitsGauge         = syncGauge("sync_stage_waits", "What the stage of a Sync waits for at present: 1.", "for")
	outboxGauge        = syncGauge("sync_outbox_entries", "Statuses of a Sync that its Git host has not taken yet.")
	notificationsGauge = syncGauge("sync_notifications_waiting",
		"Notifications of a Sync that their receiver has not taken yet.")
)

// Describe names what Collect tells.
func (c *syncCollector) Describe(d chan<- *prometheus.Desc) {
	for _, gauge := range []*prometheus.Desc{stuckGauge, failedGauge, causeGauge, ailingGauge, heldGauge,
		suspendedGauge, stageGauge, stagesGauge, waitsGauge, outboxGauge, notificationsGauge} {
		d <- gauge
	}
}

// Collect tells.
func (c *syncCollector) Collect(out chan<- prometheus.Metric) {
	waiting, unnotified := c.syncs.Undelivered(), c.syncs.Unnotified()
	for _, s := range c.syncs.Known() {
		gauge := func(of *prometheus.Desc, value int, labels ...string) {
			labels = append([]string{s.Namespace, s.Name}, labels...)
			out <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, float64(value), labels...)
		}
		gauge(stuckGauge, oneIf(stuckFlight(s) != nil))
		gauge(failedGauge, oneIf(s.Status.Summary.State == api.Failed))
		gauge(ailingGauge, ailing(s))
		gauge(heldGauge, s.Status.Held.Count)
		gauge(suspendedGauge, oneIf(meta.IsStatusConditionTrue(s.Status.Conditions, api.ConditionSuspended)))
		if entries, ok := waiting[s.Namespace+"/"+s.Name]; ok {
			gauge(outboxGauge, entries)
		}
		if entries, ok := unnotified[s.Namespace+"/"+s.Name]; ok {
			gauge(notificationsGauge, entries)
		}
		if f := s.Status.InFlight; f != nil && f.Stage != nil && (!f.State.Settled() || f.State == api.Stuck) {
			gauge(stageGauge, int(f.Stage.Index))
			gauge(stagesGauge, int(f.Stage.Of))
			if f.Stage.WaitsFor != "" {
				gauge(waitsGauge, 1, string(f.Stage.WaitsFor))
			}
		}
		for cause, nodes := range nodesByCause(stuckFlight(s)) {
			gauge(causeGauge, nodes, cause)
		}
	}
}

// stuckFlight is the flight of a Sync if it is stuck, else nil.
func stuckFlight(s *api.Sync) *api.Flight {
	if f := s.Status.InFlight; f != nil && f.State == api.Stuck {
		return f
	}
	return nil
}

// ailing is how many objects have not been well for long.
func ailing(s *api.Sync) int {
	if a := s.Status.Ailing; a.Lasting() {
		return a.Count
	}
	return 0
}

// nodesByCause sums up over the DaemonSets of a commit.
func nodesByCause(f *api.Flight) map[string]int {
	nodes := map[string]int{}
	if f != nil {
		for _, c := range f.Causes {
			nodes[c.Code] += c.NodeCount
		}
	}
	return nodes
}

func oneIf(holds bool) int {
	if holds {
		return 1
	}
	return 0
}
