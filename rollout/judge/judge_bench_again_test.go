package judge

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
)

// A look at 5,000 nodes with 15,000 pods that follows another goes into what has changed alone. The baseline is a whole
// look at the same, in the same run. Both are measured in the process's own processor time, in which the garbage
// collector's is, and no other process's.
func BenchmarkJudgeAgain(b *testing.B) {
	podChanges := func(f *fleet, i int) {
		f.pods = slices.Clone(f.pods)
		k := 3 * (i * 79 % 5000)
		f.pods[k] = f.pods[k].DeepCopy()
		f.pods[k].Status.ContainerStatuses[0].RestartCount++
	}
	for _, c := range []struct {
		name    string
		step    time.Duration
		changes func(f *fleet, i int)
	}{
		{"one-pod-changed", time.Second, podChanges},
		{"a-second-passed", time.Second, func(*fleet, int) {}},
		{"nothing-happened", 0, func(*fleet, int) {}},
		{"a-node-was-updated", time.Second, func(f *fleet, i int) {
			f.pods, f.ds = slices.Clone(f.pods), f.ds.DeepCopy()
			f.ds.Status.UpdatedNumberScheduled++
			k := 3 * (i*51%1666*3 + 2) // one that has its old pod
			p := f.newPod(f.nodes[k/3].Name)
			f.pods[k], f.pods = p, f.pods[:len(f.pods)-1]
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := bigFleet(b, 5000)
			options := rollout.Options{ProgressDeadline: 1000 * time.Hour}
			looks := []rollout.Look{f.look()}
			for i := range 63 {
				c.changes(f, i)
				looks = append(looks, f.look())
			}
			var m rollout.Memory
			began := processorTime(b)
			for i := range 20 {
				_, m = Rollout(looks[i%len(looks)], f.target, m, options)
			}
			whole := (processorTime(b) - began) / 20
			var cache survey.Cache
			_, m = RolloutAgain(&cache, looks[0], f.target, m, options)
			now := looks[0].Now
			b.ReportAllocs()
			before := processorTime(b)
			for i := 0; b.Loop(); i++ {
				look := looks[i%len(looks)]
				now = now.Add(c.step)
				look.Now = now
				_, m = RolloutAgain(&cache, look, f.target, m, options)
			}
			each := (processorTime(b) - before) / time.Duration(b.N)
			b.ReportMetric(float64(each)/float64(whole), "of-a-whole-look")
			b.ReportMetric(float64(each.Microseconds())/1000, "cpu-ms/op")
		})
	}
}

// processorTime is what the process has taken of the processors until now.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
