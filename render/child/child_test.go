package child_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
)

var ordinary = fstest.MapFS{
	"base/kustomization.yaml": file("resources: [agent.yaml]\n"),
	"base/agent.yaml": file("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\nspec: " +
		"{minReadySeconds: 7, x: 0.5, y: 12345678901, z: 1e30,\n  template: {spec: {containers: [{name: a, image: a, " +
		"args: ['<&>', \"\\u2028\"]}]}}}\n"),
	"prod/kustomization.yaml": file("resources: [../base]\nnamespace: agents\ncommonLabels: {a: " +
		"b}\nconfigMapGenerator: [{name: config, files: [config]}]\npatches: [{path: p.yaml, target: {kind: " +
		"ConfigMap, name: nobody}}]\n"),
	"prod/config": file("level = info\n"), "prod/p.yaml": file("- {op: add, path: /data/a, value: b}\n"),
	"broken/kustomization.yaml": file("resources: [agent.yaml]\n"),
	"broken/agent.yaml":         file("kind: DaemonSet\nmetadata: ["),
	"panics/kustomization.yaml": file("resources: [a.yaml]\ncommonAnnotations: {a: b}\n"),
	"panics/a.yaml":             file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: []}\n"),
}

// What a child answers is what this process would have rendered: objects to the last type of a number, what was read,
// what is warned of, and errors in the same words.
func TestAChildRendersWhatThisProcessWould(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	for _, folder := range []string{"prod", "base", "broken", "panics", "missing", "../outside", "."} {
		want, wantErr := render.Build(t.Context(), files, folder, render.Options{})
		got, err := r.Build(t.Context(), files, folder, render.Options{}, child.Limits{})
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: %v, not %v", folder, err, wantErr)
		}
		if !reflect.DeepEqual(got.Objects, want.Objects) {
			t.Errorf("%s: renders to %v, not %v", folder, got.Objects, want.Objects)
		}
		if fmt.Sprint(got.Read, got.Warnings, got.Dropped) != fmt.Sprint(want.Read, want.Warnings, want.Dropped) {
			t.Errorf("%s: %v, not %v", folder, got, want)
		}
	}
	if result, _ := r.Build(t.Context(), files, "prod", render.Options{}, child.Limits{}); len(result.Objects) != 2 ||
		len(result.Dropped) != 1 {
		t.Errorf("the story is too tame: %+v", result)
	}
}

// A child asks for a commit of another repository, and opens the mirror that it is told of. An error of whoever fetches
// it is not the commit's fault.
func TestAChildIsLentRemoteBases(t *testing.T) {
	r := runner(t, 0)
	dir, commit := repository(t, fstest.MapFS{"kustomization.yaml": file("resources: [a.yaml]\n"),
		"a.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n")})
	files := tree(t, fstest.MapFS{"kustomization.yaml": file("resources: ['https://git.example.com/org/far?ref=" +
		commit + "']\n")})
	asked := ""
	o := render.Options{Base: func(_ context.Context, url, commit string) (fs.FS, error) {
		asked = url
		return mirrored(t, dir, commit), nil
	}}
	result, err := r.Build(t.Context(), files, ".", o, child.Limits{})
	if err != nil || len(result.Objects) != 1 || result.Objects[0].GetName() != "far" ||
		asked != "https://git.example.com/org/far" {
		t.Errorf("%v, %v, asked for %s", result.Objects, err, asked)
	}
	o.Base = func(context.Context, string, string) (fs.FS, error) { return nil, errors.New("is being fetched") }
	_, err = r.Build(t.Context(), files, ".", o, child.Limits{})
	var unread *render.TreeError
	if !errors.As(err, &unread) || !strings.Contains(err.Error(), "is being fetched") {
		t.Error(err)
	}
}

// So it is with submodules.
func TestAChildIsLentSubmodules(t *testing.T) {
	r := runner(t, 0)
	far, commit := repository(t, fstest.MapFS{"a.yaml": file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n")})
	dir, _ := repository(t, fstest.MapFS{".gitmodules": file("[submodule \"far\"]\n\tpath = far\n\turl = " +
		"https://git.example.com/org/far\n"), "kustomization.yaml": file("resources: [far/a.yaml]\n")})
	git(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+commit+",far")
	git(t, dir, "commit", "-q", "-m", "submodule")
	plain := mirrored(t, dir, git(t, dir, "rev-parse", "HEAD"))
	files := plain.WithSubmodules("https://git.example.com/org/app", func(url, commit string) (*gitsource.Tree, error) {
		if url != "https://git.example.com/org/far" {
			return nil, errors.New(url)
		}
		return mirrored(t, far, commit), nil
	})
	result, err := r.Build(t.Context(), files, ".", render.Options{}, child.Limits{})
	if err != nil || len(result.Objects) != 1 || result.Objects[0].GetName() != "far" {
		t.Errorf("%v, %v", result.Objects, err)
	}
	_, err = r.Build(t.Context(), plain, ".", render.Options{}, child.Limits{})
	var unread *render.TreeError
	if err == nil || errors.As(err, &unread) || !strings.Contains(err.Error(), "submodule") {
		t.Errorf("without its submodules: %v", err)
	}
}

// What a child finds damaged in a mirror is no fault of the commit's, and the parent's mirror is made anew for it.
func TestDamageThatAChildFindsIsToldOf(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	place, _ := files.Place()
	packs, err := filepath.Glob(place.Mirror + "/*.git/objects/pack/*.pack")
	if err != nil || len(packs) == 0 {
		t.Fatal(packs, err)
	}
	for _, pack := range packs {
		content, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		for i := 12; i < len(content)-20; i++ {
			content[i] ^= 0x55
		}
		if err := errors.Join(os.Remove(pack), os.WriteFile(pack, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = r.Build(t.Context(), files, "prod", render.Options{}, child.Limits{})
	var unread *render.TreeError
	if !errors.As(err, &unread) {
		t.Errorf("not told apart: %v", err)
	}
	if !files.Damaged() {
		t.Error("the mirror is not doubted")
	}
}

// endless is what takes far longer to render than any test waits: the patches of many objects among many.
func endless() fstest.MapFS {
	var objects, patches strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&objects, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: n%d}\n", i)
		fmt.Fprintf(&patches, "- {target: {kind: ConfigMap, name: 'n%d|x.*'}, patch: '[{op: add, path: /data, value: "+
			"{a: b}}]'}\n", i)
	}
	return fstest.MapFS{"kustomization.yaml": file("resources: [a.yaml]\npatches:\n" + patches.String()),
		"a.yaml": file(objects.String())}
}

// A render that takes too long is ended with its process. It may pass another time, so it is told apart.
func TestARenderThatTakesTooLongIsEnded(t *testing.T) {
	r, files := runner(t, 0), tree(t, endless())
	_, err := r.Build(t.Context(), files, ".", render.Options{}, child.Limits{Timeout: 200 * time.Millisecond})
	var slow *child.SlowError
	if !errors.As(err, &slow) || !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "did not render within") {
		t.Fatal(err)
	}
	eventually(t, "only the reserve is left", func() bool { return len(children(t)) <= 1 })
	again(t, r)
}

// Nobody waits for a render whose context ends, and its process ends, too.
func TestARenderThatNobodyWaitsForIsEnded(t *testing.T) {
	r, files := runner(t, 0), tree(t, endless())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if _, err := r.Build(ctx, files, ".", render.Options{}, child.Limits{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	eventually(t, "only the reserve is left", func() bool { return len(children(t)) <= 1 })
	again(t, r)
}

// again renders something ordinary.
func again(t *testing.T, r *child.Runner) {
	t.Helper()
	if _, err := r.Build(t.Context(), tree(t, ordinary), "prod", render.Options{}, child.Limits{}); err != nil {
		t.Errorf("what comes behind: %v", err)
	}
}

// Whoever kills the process that renders says nothing about the commit.
func TestAKillFromOutsideIsNotTheCommitsFault(t *testing.T) {
	r, files := runner(t, 0), tree(t, endless())
	done := make(chan error)
	go func() {
		_, err := r.Build(t.Context(), files, ".", render.Options{}, child.Limits{})
		done <- err
	}()
	var pids []string
	eventually(t, "a child", func() bool { pids = children(t); return len(pids) > 0 })
	var pid int
	_, _ = fmt.Sscan(pids[0], &pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := <-done
	var lost *child.LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "signal: killed") {
		t.Fatal(err)
	}
	again(t, r)
}

// A child in reserve that somebody killed is nobody's trouble.
func TestAReserveThatEndedIsReplaced(t *testing.T) {
	r := runner(t, 0)
	for range 3 {
		again(t, r)
		eventually(t, "a child in reserve", func() bool { return child.Reserve(r) != 0 })
		if err := syscall.Kill(child.Reserve(r), syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	again(t, r)
}

// A child has no environment, no files but its pipes, and no group of this process's, in which a terminal's signals
// come.
func TestAChildHasNothingOfItsParent(t *testing.T) {
	t.Setenv("DAEMONGATE_SECRET", "s3cr3t")
	secret, err := os.Create(t.TempDir() + "/secret")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	inherited, err := syscall.Open(secret.Name(), syscall.O_RDONLY, 0) // which Go does not keep to itself
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(inherited)
	r := runner(t, 0)
	again(t, r)
	pid, at := 0, ""
	eventually(t, "a child in reserve that is ready", func() bool {
		pid = child.Reserve(r)
		at = fmt.Sprintf("/proc/%d/", pid)
		score, err := os.ReadFile(at + "oom_score_adj")
		return err == nil && strings.TrimSpace(string(score)) == "1000"
	})
	if environment, err := os.ReadFile(at + "environ"); err != nil || len(environment) > 0 {
		t.Errorf("its environment: %s %v", environment, err)
	}
	entries, err := os.ReadDir(at + "fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, err := os.Readlink(at + "fd/" + e.Name())
		if err == nil && !strings.HasPrefix(to, "pipe:") && !strings.HasPrefix(to, "anon_inode:") &&
			!strings.HasPrefix(to, "/proc/") && !strings.HasPrefix(to, "/sys/") {
			t.Errorf("it has %s open", to)
		}
	}
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("its group is %d, %v", group, err)
	}
}

// What a Sync asks for beyond what all renders have is said, before anything is rendered.
func TestAMemoryThatNobodyHasIsRefused(t *testing.T) {
	r := runner(t, 128<<20)
	_, err := r.Build(t.Context(), tree(t, ordinary), "prod", render.Options{}, child.Limits{Memory: 256 << 20})
	if err == nil || !strings.Contains(err.Error(), "may take 256 MiB of memory, and all renders of this controller "+
		"together may take 128 MiB") {
		t.Error(err)
	}
}

// Many renders at once all end, and leave nothing behind.
func TestManyRendersAtOnce(t *testing.T) {
	r, files := runner(t, 0), tree(t, ordinary)
	errs := make(chan error)
	for range 8 {
		go func() {
			result, err := r.Build(t.Context(), files, "prod", render.Options{}, child.Limits{})
			if err == nil && len(result.Objects) != 2 {
				err = fmt.Errorf("%d objects", len(result.Objects))
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
