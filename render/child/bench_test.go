package child_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
)

// An ordinary overlay in this process, by the child in reserve, and by one that has to be started first. They take
// turns, since a busy machine slows all.
func BenchmarkBuild(b *testing.B) {
	for _, objects := range []int{2, 200} {
		b.Run(fmt.Sprint(objects), func(b *testing.B) {
			files := tree(b, fleet(objects))
			r := runner(b, 0)
			var here, reserved, started []time.Duration
			measure := func(all *[]time.Duration, build func() (render.Result, error)) {
				began := time.Now()
				if _, err := build(); err != nil {
					b.Fatal(err)
				}
				*all = append(*all, time.Since(began))
			}
			inChild := func() (render.Result, error) {
				return r.Build(b.Context(), files, "prod", render.Options{}, child.Limits{})
			}
			for b.Loop() {
				measure(&here, func() (render.Result, error) {
					return render.Build(b.Context(), files, "prod",
						render.Options{})
				})
				fresh := child.New(0)
				measure(&started, func() (render.Result, error) {
					return fresh.Build(b.Context(), files, "prod", render.Options{}, child.Limits{})
				})
				fresh.Close()
				eventually(b, "a child in reserve", func() bool { return child.Reserve(r) != 0 || len(reserved) == 0 })
				time.Sleep(200 * time.Millisecond) // as between two commits: it makes itself ready
				measure(&reserved, inChild)
			}
			for name, all := range map[string][]time.Duration{"here": here, "reserved": reserved, "started": started} {
				slices.Sort(all)
				b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-p50-ms")
			}
		})
	}
}

func fleet(objects int) fstest.MapFS {
	files, list := fstest.MapFS{}, "namespace: agents\nlabels: [{pairs: {team: a}}]\nresources:\n"
	for i := range objects {
		name := fmt.Sprintf("agent%d", i)
		list += "- " + name + ".yaml\n"
		files["prod/"+name+".yaml"] = file(fmt.Sprintf("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: "+
			"%s}\nspec: {selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: "+
			"{containers: [{name: agent, image: agent, args: [a, b, c]}]}}}\n", name))
	}
	files["prod/kustomization.yaml"] = file(list)
	return files
}
