package devpackages

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// says is one controller's metrics, as one Prometheus has them that watches several clusters.
func says(cluster, instance string, holds float64, polls, errors float64) []sample {
	one := func(value float64, more ...string) sample {
		pairs := slices.Concat(more, []string{"instance", instance})
		if cluster != "" {
			pairs = append(pairs, "cluster", cluster)
		}
		return sample{labels.FromStrings(pairs...), value}
	}
	return []sample{one(holds, labels.MetricName, "daemongate_lease_held"),
		one(polls, labels.MetricName, "daemongate_polls_total", "result", "success"),
		one(errors, labels.MetricName, "daemongate_polls_total", "result", "error")}
}

// One Prometheus has the metrics of two clusters, and each of them fires by itself: no well cluster hides an outage of
// another one. Without a label for the cluster it is as with one.
func TestAWellClusterHidesNoOther(t *testing.T) {
	t.Parallel()
	w := watches(t)
	for _, well := range []string{"eu", ""} {
		before := slices.Concat(says(well, "10.0.0.1", 1, 0, 0), says(well, "10.0.0.2", 0, 0, 0))
		after := slices.Concat(says(well, "10.0.0.1", 1, 9, 0), says(well, "10.0.0.2", 0, 0, 0))
		for want, ill := range map[string][2][]sample{
			"": {slices.Concat(says("us", "10.0.0.1", 0, 0, 0), says("us", "10.0.0.2", 1, 0, 0)),
				slices.Concat(says("us", "10.0.0.1", 0, 0, 0), says("us", "10.0.0.2", 1, 9, 0))},
			"DaemongateNobodyWrites": {slices.Concat(says("us", "10.0.0.1", 0, 0, 0), says("us", "10.0.0.2", 0, 0, 0)),
				slices.Concat(says("us", "10.0.0.1", 0, 0, 0), says("us", "10.0.0.2", 0, 9, 0))},
			"DaemongateNobodyStandsBy": {says("us", "10.0.0.1", 1, 0, 0), says("us", "10.0.0.1", 1, 9, 0)},
			"DaemongateGitCannotBePolled": {slices.Concat(says("us", "10.0.0.1", 1, 0, 0), says("us", "10.0.0.2", 0, 0, 0)),
				slices.Concat(says("us", "10.0.0.1", 1, 0, 9), says("us", "10.0.0.2", 0, 0, 0))},
		} {
			p := newPast().grows(time.Hour, slices.Concat(before, ill[0]), slices.Concat(after, ill[1]))
			if got := strings.Join(w.firing(t, p), " "); got != want {
				t.Errorf("beside cluster %q: %q fires, not %q", well, got, want)
			}
		}
		there := slices.Concat(before, says("us", "10.0.0.1", 1, 0, 0), says("us", "10.0.0.2", 0, 0, 0))
		gone := newPast().goesOn(time.Hour, there).grows(time.Hour, before, after)
		if got := strings.Join(w.firing(t, gone), " "); got != "DaemongateIsAway" {
			t.Errorf("beside cluster %q: one is away, and %q fires", well, got)
		}
		if got := gone.asked(t, w.alerts["DaemongateIsAway"].query, 0); len(got) != 1 || got[0].Metric.Get("cluster") != "us" {
			t.Errorf("beside cluster %q: who is away is not told: %v", well, got)
		}
		if later := gone.grows(26*time.Hour, before, after); len(w.firing(t, later)) > 0 {
			t.Errorf("beside cluster %q: it has been away for a day, and %q fires", well, w.firing(t, later))
		}
		for panel, worst := range map[string]float64{"Works A": 0, "Controllers A": 1} {
			p := newPast().goesOn(time.Hour, slices.Concat(before, says("us", "10.0.0.1", 0, 0, 0)))
			if got := p.asked(t, w.panels[panel], 0); len(got) != 1 || got[0].F != worst {
				t.Errorf("beside cluster %q: panel %s shows %v, not %v", well, panel, got, worst)
			}
		}
	}
}
