package judge

import (
	"slices"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
)

// A look at 5,000 nodes with 15,000 pods that follows another takes less than 1 ms: it goes into what has changed
// alone. The baseline is a whole look at the same, in the same run.
func BenchmarkJudgeAgain(b *testing.B) {
	for name, changes := range map[string]bool{"one-pod-changed": true, "a-second-passed": false} {
		b.Run(name, func(b *testing.B) {
			f := bigFleet(b, 5000)
			options := rollout.Options{ProgressDeadline: 1000 * time.Hour}
			looks := followingLooks(f, changes)
			var whole time.Duration
			var m rollout.Memory
			for i := range 20 {
				began := time.Now()
				_, m = Rollout(looks[i%len(looks)], f.target, m, options)
				whole += time.Since(began)
			}
			var c survey.Cache
			_, m = RolloutAgain(&c, looks[0], f.target, m, options)
			now := looks[0].Now
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				look := looks[i%len(looks)]
				now = now.Add(time.Second)
				look.Now = now
				_, m = RolloutAgain(&c, look, f.target, m, options)
			}
			each := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(each)/float64(whole/20), "of-a-whole-look")
		})
	}
}

// followingLooks are looks of which each has one pod changed against the one before, or none.
func followingLooks(f *fleet, changes bool) []rollout.Look {
	looks := []rollout.Look{f.look()}
	for i := range 63 {
		if changes {
			f.pods = slices.Clone(f.pods)
			k := 3 * (i * 79 % 5000)
			f.pods[k] = f.pods[k].DeepCopy()
			f.pods[k].Status.ContainerStatuses[0].RestartCount++
		}
		looks = append(looks, f.look())
	}
	return looks
}
