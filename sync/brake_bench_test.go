package sync

import (
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

const (
	// benchedNodes is how many nodes the cluster has on which the brake is compared with none.
	benchedNodes = 120
	// atOnce is maxUnavailable of 10% in nodes.
	atOnce = benchedNodes / 10
)

// comparison is a story, and what it is without the brake.
type comparison struct {
	brakeStory
	watched time.Duration // how long it is watched after its first end, at least
	more    int           // by how many nodes more are lost; 0 if that is luck
}

// An agent that ends within half a second has its second twelve nodes before the first end, brake or not, and from then
// on so few of its pods are Ready at once that maxUnavailable 10% holds the controller by itself, within a few nodes of
// where the brake does: what is held is that it got beyond the twelve. One that lives for three seconds shows what a
// brake saves.
var comparisons = map[string]comparison{
	"10% at a time, ends after half a second": {brakeStory{"{maxUnavailable: 10%}", "crash"}, 20 * time.Second, 0},
	"10% at a time, ends after 3 s": {brakeStory{"{maxUnavailable: 10%}", "dies-after=3s"},
		20 * time.Second, 5},
	"one at a time, ends after 40 s": {brakeStory{"{maxUnavailable: 1}", "dies-after=40s"}, time.Minute,
		5},
	"10% beside the old, ends after half a second": {brakeStory{"{maxSurge: 10%, maxUnavailable: 0}", "crash"},
		20 * time.Second, 30},
}

func (c comparison) spreads(lost, braked int) bool {
	if c.more == 0 {
		return lost > atOnce
	}
	return lost >= braked+c.more
}

// Law 13, on 120 nodes: each story is played with the brake, and then without it. With it the agent loses the nodes
// that it had before its first end was answered, and no more; without it more, as far as maxUnavailable lets it. The
// stories are told one after the other: how far a broken agent spreads depends on how soon the controllers see it.
func BenchmarkTheBrakeOn120Nodes(b *testing.B) {
	cluster := clustertest.Start(b, clustertest.Options{Nodes: benchedNodes})
	if err := installSyncs(cluster); err != nil {
		b.Fatal(err)
	}
	for name, c := range comparisons {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				compareBrake(b, cluster, c)
			}
		})
	}
}

func compareBrake(b *testing.B, cluster *clustertest.Cluster, c comparison) {
	with, without := newWorldOn(b, cluster), newWorldOn(b, cluster)
	pulled, end := with.brakes(c.brakeStory)
	s, _ := without.breakAgent(c.brakeStory, false)
	lost := s.until("the unbraked agent to spread", func(f figures) bool {
		return c.spreads(f.lost, pulled.lost) && !f.firstEnd.IsZero() && time.Since(f.firstEnd) > c.watched
	})
	without.braked(false)
	b.ReportMetric(pulled.braked.Sub(pulled.firstEnd).Seconds(), "s-to-brake")
	b.ReportMetric(float64(end.lost), "nodes-braked")
	b.ReportMetric(float64(lost.lost), "nodes-unbraked")
}
