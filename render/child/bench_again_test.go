package child_test

import (
	"fmt"
	"path"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
)

// BenchmarkManyOfATenant is the processor time, here and in the children, for twenty renders of a tenant that follow each
// other, as when a repository that many Syncs follow gets a commit; against a child for each of them.
func BenchmarkManyOfATenant(b *testing.B) {
	files := tree(b, fleet(10))
	r := runner(b, 0)
	child.StayOfTheLast(r, 0)
	all := func(tenant string) time.Duration {
		began := processorTime(b)
		for range 20 {
			limits := child.Limits{Tenant: tenant, Memory: 128 << 20}
			if _, err := r.Build(b.Context(), files, "prod", render.Options{}, limits); err != nil {
				b.Fatal(err)
			}
		}
		eventually(b, "nobody waits for another job", func() bool { return len(child.Idle(r)) == 0 && len(children(b)) <= 1 })
		return processorTime(b) - began
	}
	var again, each time.Duration
	for b.Loop() {
		again, each = again+all("tenant"), each+all("")
	}
	b.ReportMetric(again.Seconds()/each.Seconds(), "times-a-child-each")
	b.ReportMetric(again.Seconds()*1000/20/float64(b.N), "cpu-ms/render")
}

// BenchmarkOneObject is the processor time, here and in the children, for a render of one DaemonSet, against one
// ConfigMap: of jobs that follow each other, and with a child for each, as when they come further apart.
func BenchmarkOneObject(b *testing.B) {
	r := runner(b, 0)
	child.StayOfTheLast(r, 0)
	const renders = 20
	all := func(files *gitsource.Tree, tenant string) time.Duration {
		began := processorTime(b)
		for range renders {
			limits := child.Limits{Tenant: tenant, Memory: 128 << 20}
			if _, err := r.Build(b.Context(), files, "prod", render.Options{}, limits); err != nil {
				b.Fatal(err)
			}
		}
		eventually(b, "nobody waits for another job", func() bool { return len(child.Idle(r)) == 0 && len(children(b)) <= 1 })
		return processorTime(b) - began
	}
	daemonSet, configMap := tree(b, fleet(1)), tree(b, fstest.MapFS{
		"prod/kustomization.yaml": file("namespace: agents\nlabels: [{pairs: {team: a}}]\nresources: [a.yaml]\n"),
		"prod/a.yaml":             file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n")})
	for name, tenant := range map[string]string{"at once": "tenant", "a child each": ""} {
		b.Run(name, func(b *testing.B) {
			var one, other time.Duration
			for b.Loop() {
				one, other = one+all(daemonSet, tenant), other+all(configMap, tenant)
			}
			b.ReportMetric(one.Seconds()*1000/renders/float64(b.N), "cpu-ms/DaemonSet")
			b.ReportMetric(one.Seconds()/other.Seconds(), "times-ConfigMap")
		})
	}
}

// BenchmarkOneFileOfAThousand is the processor time, here and in the child, for one more commit of 1,000 objects that
// changes one file, with the start of a child; against the same of a tenant of whom nothing is remembered.
func BenchmarkOneFileOfAThousand(b *testing.B) {
	const objects = 1000
	configMaps := fleet(objects)
	for name := range configMaps {
		if name != "prod/kustomization.yaml" {
			configMaps[name] = file("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + path.Base(name) +
				"\n  labels:\n    app: agent\ndata:\n  level: info\n")
		}
	}
	for kind, files := range map[string]fstest.MapFS{"ConfigMap": configMaps, "DaemonSet": fleet(objects)} {
		b.Run(kind, func(b *testing.B) {
			r := runner(b, 0)
			child.StayOfTheLast(r, 0)
			build := func(files *gitsource.Tree, tenant string) (here, all time.Duration) {
				ended := func() bool { return len(child.Idle(r)) == 0 && len(children(b)) <= 1 }
				eventually(b, "nobody waits for another job", ended)
				before, self := processorTime(b), processorTimeOf(b, syscall.RUSAGE_SELF)
				result, err := r.Build(b.Context(), files, "prod", render.Options{}, child.Limits{Tenant: tenant})
				if err != nil || len(result.Objects) != objects {
					b.Fatal(len(result.Objects), err)
				}
				here = processorTimeOf(b, syscall.RUSAGE_SELF) - self
				eventually(b, "nobody waits for another job", ended)
				looking := processorTimeOf(b, syscall.RUSAGE_SELF) - self - here
				return here, processorTime(b) - before - looking
			}
			var here, one, whole time.Duration
			build(tree(b, files), "tenant")
			for n := 0; b.Loop(); n++ {
				files["prod/agent7.yaml"].Data = fmt.Appendf(files["prod/agent7.yaml"].Data, "# %d\n", n)
				at := tree(b, files)
				parent, all := build(at, "tenant")
				here, one = here+parent, one+all
				_, all = build(at, fmt.Sprint("another", n))
				whole += all
			}
			b.ReportMetric(one.Seconds()*1000/float64(b.N), "cpu-ms/one-file")
			b.ReportMetric(here.Seconds()*1000/float64(b.N), "of-it-the-parent's")
			b.ReportMetric(one.Seconds()/whole.Seconds(), "times-all")
		})
	}
}

// processorTime is what this process and its children that have ended have taken.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	return processorTimeOf(b, syscall.RUSAGE_SELF) + processorTimeOf(b, syscall.RUSAGE_CHILDREN)
}

func processorTimeOf(b *testing.B, who int) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
