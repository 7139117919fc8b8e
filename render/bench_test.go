package render_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/remembered"
)

// fleet is an overlay of so many objects: agents of a file each, one patch and a ConfigMap for each ten of them.
func fleet(objects int) fstest.MapFS {
	files := fstest.MapFS{}
	base, prod := "resources:\n", "namespace: agents\nnamePrefix: prod-\nresources: [../base]\nimages: [{name: "+
		"agent, newTag: v2}]\nconfigMapGenerator:\n"
	patches := "patches:\n"
	for i := range objects {
		if i%10 == 9 {
			prod += fmt.Sprintf("- {name: config%d, literals: [level=info]}\n", i-9)
			patches += fmt.Sprintf("- patch: |\n    apiVersion: apps/v1\n    kind: DaemonSet\n    metadata: {name: "+
				"agent%d}\n    spec: {template: {spec: {containers: [{name: agent, env: [{name: A, value: b}]}]}}}\n",
				i-9)
			continue
		}
		base += fmt.Sprintf("- agent%d.yaml\n", i)
		files[fmt.Sprintf("base/agent%d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, agent, i, i, i, i/10*10)}
	}
	files["base/kustomization.yaml"] = &fstest.MapFile{Data: []byte(base)}
	files["prod/kustomization.yaml"] = &fstest.MapFile{Data: []byte(prod + patches)}
	return files
}

const agent = `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent%d
  labels: {app: agent}
spec:
  minReadySeconds: 5
  selector:
    matchLabels: {app: agent%d}
  updateStrategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 10%%}
  template:
    metadata:
      labels: {app: agent%d}
    spec:
      priorityClassName: system-node-critical
      tolerations:
      - {operator: Exists}
      containers:
      - name: agent
        image: agent:v1
        args: ["--config=/etc/agent/agent.yaml", "--log-level=info"]
        env:
        - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        resources:
          requests: {cpu: 50m, memory: 64Mi}
          limits: {memory: 128Mi}
        readinessProbe:
          httpGet: {path: /ready, port: 8080}
        volumeMounts:
        - {name: config, mountPath: /etc/agent}
        - {name: logs, mountPath: /var/log, readOnly: true}
      volumes:
      - {name: config, configMap: {name: config%d}}
      - {name: logs, hostPath: {path: /var/log}}
`

// An overlay against krusty alone, on a copy of the same files in kustomize's own memory file system and made into the
// same objects. The two take turns, and the least of each counts: a busy machine slows both, but not equally. With many
// objects it is rendered in groups.
func BenchmarkBuild(b *testing.B) {
	for _, objects := range []int{10, 100, 1000, 3000} {
		b.Run(fmt.Sprint(objects), func(b *testing.B) {
			files := fleet(objects)
			memory := inMemory(b, files)
			var ours, theirs []time.Duration
			for b.Loop() {
				ours = append(ours, used(func() { built(b, files, objects, render.Options{}) }))
				theirs = append(theirs, used(func() { krustyAlone(b, memory, objects) }))
			}
			build, alone := slices.Min(ours), slices.Min(theirs)
			b.ReportMetric(build.Seconds()*1000, "cpu-ms/build")
			b.ReportMetric(alone.Seconds()*1000, "cpu-ms/krusty")
			b.ReportMetric(build.Seconds()/alone.Seconds(), "times-krusty")
		})
	}
}

// used is how much processor time this process takes for something, the collection of its garbage included.
func used(do func()) time.Duration {
	now := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			panic(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	runtime.GC()
	start := now()
	do()
	return now() - start
}

func inMemory(b *testing.B, files fstest.MapFS) filesys.FileSystem {
	memory := filesys.MakeFsInMemory()
	for name, file := range files {
		if err := memory.WriteFile("/"+name, file.Data); err != nil {
			b.Fatal(err)
		}
	}
	return memory
}

func built(b *testing.B, files fstest.MapFS, objects int, o render.Options) {
	result, err := render.Build(context.Background(), files, "prod", o)
	if err != nil || len(result.Objects) != objects {
		b.Fatal(len(result.Objects), err)
	}
}

func krustyAlone(b *testing.B, disk filesys.FileSystem, objects int) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/prod")
	if err != nil || resources.Size() != objects {
		b.Fatal(err)
	}
	for _, r := range resources.Resources() {
		json, err := r.MarshalJSON()
		if err != nil {
			b.Fatal(err)
		}
		if err := (&unstructured.Unstructured{}).UnmarshalJSON(json); err != nil {
			b.Fatal(err)
		}
	}
}

// One file of 1,000 changes: a render that remembers the one before, against one that remembers nothing, and against
// krusty, which never does.
func BenchmarkOneFileOfAThousand(b *testing.B) {
	const objects = 1000
	files := fleet(objects)
	var one, all, theirs []time.Duration
	options := render.Options{Remembered: remembered.New(remembered.Most).Of("")}
	for b.Loop() {
		all = append(all, used(func() { built(b, files, objects, options) }))
		files["base/agent7.yaml"].Data = append(files["base/agent7.yaml"].Data, "# changed\n"...)
		one = append(one, used(func() { built(b, files, objects, options) }))
		memory := inMemory(b, files)
		theirs = append(theirs, used(func() { krustyAlone(b, memory, objects) }))
		options.Remembered = remembered.New(remembered.Most).Of("")
	}
	b.ReportMetric(slices.Min(one).Seconds()*1000, "cpu-ms/one-file")
	b.ReportMetric(slices.Min(one).Seconds()/slices.Min(all).Seconds(), "times-all-in-groups")
	b.ReportMetric(slices.Min(one).Seconds()/slices.Min(theirs).Seconds(), "times-krusty")
}
