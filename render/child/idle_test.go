package child_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/render/child/childtest"
)

// at are trees of one repository, as the folders of many Syncs are.
func at(t *testing.T, r *child.Runner, tenant string, files *gitsource.Tree, folder string) (render.Result, error) {
	t.Helper()
	return r.Build(t.Context(), files, folder, render.Options{}, child.Limits{Tenant: tenant, Memory: 128 << 20})
}

// Jobs of one tenant that follow each other at once are done by one child, and render to what a process that has done
// nothing else would; those of another tenant never are, and one without a tenant has a child of its own.
func TestOneChildDoesTheJobsOfATenant(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	child.Stay(r, time.Hour) // however long this takes
	ids := map[string]map[int]bool{"a": {}, "b": {}, "": {}}
	for _, tenant := range []string{"a", "a", "b", "a", "b", "", ""} {
		for _, folder := range []string{"prod", "base"} {
			got, err := at(t, r, tenant, files, folder)
			want, wantErr := render.Build(t.Context(), files, folder, render.Options{})
			if err != nil || wantErr != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, not %v (%v)", folder, got, want, err)
			}
			for _, id := range child.Idle(r, tenant) {
				ids[tenant][id] = true
			}
		}
	}
	both := maps.Clone(ids["a"])
	maps.Copy(both, ids["b"])
	if len(ids["a"]) != 1 || len(ids["b"]) != 1 || len(both) != 2 || len(ids[""]) > 0 {
		t.Errorf("children of the tenants: %v", ids)
	}
}

// A child waits for another job for a while only.
func TestAChildWaitsForAWhileOnly(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	child.StayOfTheLast(r, 2*time.Second)
	if _, err := at(t, r, "a", files, "prod"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody waits for another job", func() bool { return len(child.Idle(r)) == 0 })
	eventually(t, "only the reserve is left", func() bool { return len(children(t)) <= 1 })
}

// The last child waits longer than the others, and does the next job of its tenant; the last one of another tenant takes
// its place.
func TestTheLastChildWaitsLonger(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	child.Stay(r, 20*time.Millisecond)
	child.StayOfTheLast(r, time.Hour)
	build := func(tenant string) {
		t.Helper()
		if _, err := at(t, r, tenant, files, "prod"); err != nil {
			t.Fatal(err)
		}
	}
	alone := func(tenant string) int {
		t.Helper()
		eventually(t, tenant+"'s child waits alone", func() bool {
			return len(child.Idle(r)) == 1 && len(child.Late(r, tenant)) == 1
		})
		return child.Idle(r)[0]
	}
	build("a")
	build("b")
	first := alone("b")
	build("b")
	if again := alone("b"); again != first {
		t.Errorf("process %d did the next job, and %d had waited for it", again, first)
	}
	build("a")
	if other := alone("a"); other == first {
		t.Errorf("process %d is used for another tenant", other)
	}
}

// A child that has done much does no more: what is left behind stays small, whatever it is.
func TestAChildDoesNotGoOnForEver(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	seen := map[int]bool{}
	for range 40 {
		if _, err := at(t, r, "a", files, "prod"); err != nil {
			t.Fatal(err)
		}
		for _, id := range child.Idle(r, "a") {
			seen[id] = true
		}
	}
	if len(seen) < 2 {
		t.Errorf("children for 40 jobs: %v", seen)
	}
}

// A job that fails ends its child, so that what a failure leaves behind is nobody else's.
func TestAFailureEndsTheChild(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	for _, folder := range []string{"broken", "panics", "missing"} {
		if _, err := at(t, r, "a", files, folder); err == nil {
			t.Errorf("%s: no error", folder)
		}
		if ids := child.Idle(r, "a"); len(ids) > 0 {
			t.Errorf("%s: %v wait for another job", folder, ids)
		}
	}
}

// A render that takes too much is its own commit's fault, also behind others that did not; and neither those before nor
// those behind it are blamed.
func TestADeadlyRenderBehindOthersIsBlamedAlone(t *testing.T) {
	var hungry strings.Builder
	for range 24 {
		hungry.WriteString("- {source: {kind: ConfigMap, name: a, fieldPath: data.x}, targets: [{select: {kind: ConfigMap, " +
			"name: a}, fieldPaths: [data.x], options: {delimiter: '-', index: -1}}]}\n")
	}
	// The race detector has a memory of its own, and another end when there is none: these children are without it.
	r, files := childtest.Runner(t), tree(t, fstest.MapFS{
		"good/kustomization.yaml":   file("resources: [a.yaml]\n"),
		"good/a.yaml":               file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
		"hungry/kustomization.yaml": file("resources: [a.yaml]\nreplacements:\n" + hungry.String()),
		"hungry/a.yaml":             file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: 'a-b'}\n"),
	})
	child.Stay(r, time.Hour)
	for round := range 2 {
		for range 2 {
			if _, err := at(t, r, "a", files, "good"); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if len(child.Idle(r, "a")) != 1 {
			t.Fatal("the story is too tame: nobody waits for another job")
		}
		_, err := at(t, r, "a", files, "hungry")
		var memory *child.MemoryError
		if !errors.As(err, &memory) || memory.Folder != "hungry" {
			t.Errorf("round %d: %v", round, err)
		}
	}
}

// The end of a child that has done other jobs says nothing about the present one: it is done again, by a child of its own.
// So somebody who kills a child blames nobody.
func TestAnEndThatMayBeAnothersFaultIsNobodys(t *testing.T) {
	files := tree(t, ordinary)
	for name, ends := range map[string]string{
		"crashes":      "exit 3",
		"takes much":   "exit 71",
		"says more":    `printf '{"Object":{"apiVersion":"v1","kind":"Secret"}}{"Began":true}'; exec cat`,
		"says rubbish": "echo rubbish; exec cat",
	} {
		t.Run(name, func(t *testing.T) {
			once := filepath.Join(t.TempDir(), "once")
			answer := `{"Began":true}{"Answer":{"Read":["a"],"Again":true}}`
			r := child.Stray(fmt.Sprintf("if mkdir %[1]s; then read -r job; echo '%[2]s'; read -r job; echo '{\"Began\":true}'; "+
				"%[3]s; fi 2>/dev/null; while read -r job; do echo '%[2]s'; done", once, answer, ends))
			defer r.Close()
			for job := range 3 {
				result, err := at(t, r, "a", files, "prod")
				if err != nil || len(result.Objects) > 0 || len(result.Read) != 1 {
					t.Errorf("job %d: %v, %v", job, result, err)
				}
			}
		})
	}
}

// One that is killed while it waits for another job is nobody's trouble either.
func TestAWaitingChildThatEndedIsReplaced(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	for range 3 {
		if _, err := at(t, r, "a", files, "prod"); err != nil {
			t.Fatal(err)
		}
		for _, id := range child.Idle(r, "a") {
			if err := syscall.Kill(id, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	}
}

// Who waits for another job keeps nobody else's from having its memory.
func TestAWaitingChildGivesItsMemoryBack(t *testing.T) {
	r, files := runner(t, 128<<20), tree(t, ordinary)
	child.Stay(r, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for i := range 6 {
		_, err := r.Build(ctx, files, "prod", render.Options{}, child.Limits{Tenant: fmt.Sprint("tenant", i), Memory: 128 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(child.Idle(r)); n > 1 {
			t.Errorf("%d wait", n)
		}
	}
}

// Who waits for memory gets it from a render that is under way as soon as that ends, although its tenant could have more
// for the same child.
func TestWhoWaitsForMemoryGoesBeforeATenantsNextJob(t *testing.T) {
	files, gate := tree(t, ordinary), filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	r := child.Small(child.Stray(fmt.Sprintf("while read -r job; do echo '{\"Began\":true}'; case $job in *base*) read -r go <%s;; "+
		"esac; echo '{\"Answer\":{\"Read\":[\"a\"],\"Again\":true}}'; done", gate)), 128<<20)
	defer r.Close()
	child.Stay(r, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := func(tenant, folder string) <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := r.Build(ctx, files, folder, render.Options{}, child.Limits{Tenant: tenant, Memory: 128 << 20})
			done <- err
		}()
		return done
	}
	long := build("a", "base")
	opens, err := os.OpenFile(gate, os.O_WRONLY, 0) // as soon as the child reads it
	if err != nil {
		t.Fatal(err)
	}
	defer opens.Close()
	other := build("b", "prod")
	eventually(t, "the other tenant waits for memory", func() bool { return child.Wanted(r) == 1 })
	if _, err := opens.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-long; err != nil {
		t.Error(err)
	}
	if err := <-other; err != nil {
		t.Errorf("the other tenant's render: %v", err)
	}
}
