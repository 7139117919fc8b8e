package render_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/grouped"
	"github.com/daemongate/daemongate/render/remembered"
	"github.com/daemongate/daemongate/render/rendertest"
)

// counting is a memory that says how many groups were found in it.
type counting struct {
	remembered.TenantMemory
	found, kept int
	bytes       int64 // that were to be kept
}

func newCounting() *counting { return &counting{TenantMemory: remembered.New(remembered.Most).Of("a")} }

func (c *counting) Recall(digests []string) map[string][]grouped.Kept {
	known := c.TenantMemory.Recall(digests)
	c.found += len(known)
	return known
}

func (c *counting) Keep(digest string, objects []grouped.Kept) {
	c.kept++
	for _, o := range objects {
		c.bytes += int64(len(o.JSON))
	}
	c.TenantMemory.Keep(digest, objects)
}

// After any edit of any file, what is rendered with the memory of all renders before, those of other trees among them, is
// what a fresh render of everything at once comes to.
func TestWhatIsRememberedIsWhatAFreshRenderWouldBe(t *testing.T) {
	memory := newCounting()
	for seed := range max(*randomTrees/2, 1) {
		m := randomMaker(seed)
		for range 4 {
			want, wantErr := render.BuildIn(m.files, "prod", whole, nil)
			got, gotErr := render.BuildIn(m.files, "prod", small, memory)
			if a, b := printed(t, got.Objects), printed(t, want.Objects); a != b || text(gotErr) != text(wantErr) {
				t.Fatalf("seed %d: remembered: %v\n%s\n--- fresh: %v\n%s", seed, gotErr, a, wantErr, b)
			}
			m.edit()
		}
	}
	if memory.found < int(*randomTrees)/2 {
		t.Errorf("%d groups were remembered", memory.found)
	}
}

// Of many objects one file changes: one group is rendered, and the others are not. The same again renders nothing.
func TestOneFileOfManyRendersItsGroup(t *testing.T) {
	memory := newCounting()
	objects := 300
	files := fleet(objects)
	look := func(what string, least, most int) {
		t.Helper()
		before := memory.kept
		result, err := render.BuildIn(files, "prod", grouped.Usual, memory)
		if err != nil || len(result.Objects) != objects {
			t.Fatal(len(result.Objects), err)
		}
		if n := memory.kept - before; n < least || n > most {
			t.Errorf("%s: %d groups were rendered, not %d to %d", what, n, least, most)
		}
	}
	look("at first", 8, 30)
	look("once more", 0, 0)
	files["base/agent7.yaml"] = changed(files["base/agent7.yaml"])
	look("one file", 1, 1)
	files["base/kustomization.yaml"] = &fstest.MapFile{Data: bytes.Replace(files["base/kustomization.yaml"].Data,
		[]byte("- agent57.yaml\n"), nil, 1)}
	objects--
	look("one object less", 1, 3)
}

// Two groups can be of the same files, for objects of one name that may refer to each other. What is remembered of one is
// not taken for the other.
func TestGroupsOfTheSameFilesAreToldApart(t *testing.T) {
	files := fstest.MapFS{
		"prod/kustomization.yaml": &fstest.MapFile{Data: []byte("namePrefix: x-\nresources: [a.yaml, b.yaml]\n")},
		"prod/a.yaml": &fstest.MapFile{Data: []byte("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\n" +
			"spec: {template: {spec: {serviceAccountName: agent}}}\n")},
		"prod/b.yaml": &fstest.MapFile{Data: []byte("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: agent}\n")},
	}
	memory := newCounting()
	for range 2 {
		want, err := render.BuildIn(files, "prod", whole, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := render.BuildIn(files, "prod", alone, memory)
		if a, b := printed(t, got.Objects), printed(t, want.Objects); a != b || err != nil {
			t.Fatalf("remembered: %v\n%s\n--- fresh:\n%s", err, a, b)
		}
	}
	if memory.kept != 2 || memory.found != 2 {
		t.Errorf("%d groups were kept, %d found", memory.kept, memory.found)
	}
}

func changed(file *fstest.MapFile) *fstest.MapFile {
	return &fstest.MapFile{Data: append(file.Data, "# changed\n"...)}
}

// What comes to more than a render may is the commit's fault, also where it comes to so much in groups. No more is
// remembered of it than a render may come to: a process that says more has its parent end it, and the commit is tried again
// and again.
func TestTooMuchInGroupsIsTheCommitsFault(t *testing.T) {
	const one = "---\n{apiVersion: v1, kind: ConfigMap, metadata: {%s%d}}\n"
	patch := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: any}\ndata: {a: " + strings.Repeat("x", 1<<13) + "}\n"
	files := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [many.yaml, patched.yaml]\npatches: [{path: patch.yaml, target: " +
			"{labelSelector: a=b}}]\n"),
		"prod/many.yaml":    file(rendertest.Each(100, func(i int) string { return fmt.Sprintf(one, "name: n", i) })),
		"prod/patched.yaml": file(rendertest.Each(100, func(i int) string { return fmt.Sprintf(one, "labels: {a: b}, name: p", i) })),
		"prod/patch.yaml":   file(patch),
	}
	memory := newCounting()
	o := render.Options{TotalSize: 1 << 18, Remembered: memory}
	_, err := render.Build(t.Context(), files, "prod", o)
	if err == nil || !strings.Contains(err.Error(), "render.maxTotalSize") {
		t.Error(err)
	}
	if memory.kept == 0 || memory.bytes > o.MostWritten() {
		t.Errorf("%d groups of %d bytes were kept", memory.kept, memory.bytes)
	}
}
