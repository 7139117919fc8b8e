package changes

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/panics"
)

// inProcess renders here, and counts how often.
type inProcess struct{ times *int }

func (i inProcess) Build(ctx context.Context, tree *gitsource.Tree, folder string, o render.Options,
	_ child.Limits) (render.Result, error) {
	*i.times++
	return render.Build(ctx, tree, folder, o)
}

// flat is a cluster that has each kind under its name.
type flat struct{}

func (flat) Resolve(_ context.Context, s manifests.Set, _ manifests.Options) (manifests.Set, error) {
	return s, nil
}

func (flat) Resources(_ context.Context, s manifests.Set) (map[manifests.ID]schema.GroupVersionResource, error) {
	all := map[manifests.ID]schema.GroupVersionResource{}
	for _, id := range s.IDs() {
		all[id] = schema.GroupVersionResource{Group: id.Group, Resource: strings.ToLower(id.Kind) + "s"}
	}
	return all, nil
}

// world is a repository, a Sync of it and who reads it.
type world struct {
	*testing.T
	repo, data string
	sync       *api.Sync
	reader     *Reader
	renders    int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, repo: filepath.Join(t.TempDir(), "fleet"), data: t.TempDir(), sync: &api.Sync{}}
	w.sync.Namespace, w.sync.Name = "platform", "agents"
	w.sync.Spec.Source.URL, w.sync.Spec.Source.Path = w.repo, "."
	store := gitsource.Open(t.TempDir(), gitsource.Options{})
	t.Cleanup(store.Close)
	w.reader = &Reader{Renders: inProcess{&w.renders}, Cluster: flat{}, Queue: fairqueue.New(fairqueue.Options{}),
		Repository: func(context.Context, *api.Sync) (*gitsource.Repository, error) {
			return store.Repository(w.repo, gitsource.Auth{})
		}}
	w.remember()
	return w
}

// remember has it go on with what a process before it has left behind.
func (w *world) remember() {
	w.Helper()
	var err error
	if w.reader.Marks, err = deaths.Open(w.data, time.Now()); err != nil {
		w.Fatal(err)
	}
}

func config(name, level string) string {
	return "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + "}, data: {level: " + level + "}}\n"
}

const secret = "{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {password: hidden-%s}}\n"

// A commit is read from its repository with all that its author wrote, and compared object by object with the one that was
// applied before it, or with nothing. A Secret's values are not in it.
func TestACommitIsReadFromGit(t *testing.T) {
	w := newWorld(t)
	first := gittest.Commit(t, w.repo, "a.yaml", config("a", "info")+"---\n"+fmt.Sprintf(secret, "one"))
	gittest.Commit(t, w.repo, "a.yaml", config("a", "debug")+"---\n"+fmt.Sprintf(secret, "two"))
	gittest.Run(t, w.repo, "commit", "-q", "--amend", "-m", "Louder\n\n* as was asked for\x1b[31m")
	second := strings.TrimSpace(gittest.Run(t, w.repo, "rev-parse", "HEAD"))
	of := w.reader.Read(t.Context(), w.sync, first, second)
	if of.Why != "" || of.Message != "Louder\n\n* as was asked for[31m" || of.Author == "" || of.At.IsZero() || len(of.Objects) != 2 {
		t.Fatalf("%+v", of)
	}
	text := of.Objects[0].Text + of.Objects[1].Text
	if !strings.Contains(text, "-  level: info\n+  level: debug") || strings.Contains(text, "hidden") ||
		!strings.Contains(text, "*** (after)") || of.Objects[0].Resource.Resource != "configmaps" {
		t.Errorf("%+v\n%s", of.Objects, text)
	}
	if of = w.reader.Read(t.Context(), w.sync, "", first); of.Why != "" || len(of.Objects) != 2 ||
		!strings.Contains(of.Objects[0].Text, "+  level: info") || strings.Contains(of.Objects[1].Text, "hidden") {
		t.Errorf("the first: %+v", of)
	}
}

// Where something stands in the way it is said what, and never shown as if nothing had changed: a commit that the
// repository does not have, a folder that cannot be rendered, a commit without the signature that the Sync asks for, and one
// at which a process has ended.
func TestWhyACommitCannotBeRead(t *testing.T) {
	w := newWorld(t)
	good := gittest.Commit(t, w.repo, "a.yaml", config("a", "info"))
	broken := gittest.Commit(t, w.repo, "a.yaml", "kind: [\n")
	says := func(before, commit, want string) {
		t.Helper()
		if of := w.reader.Read(t.Context(), w.sync, before, commit); !strings.Contains(of.Why, want) || len(of.Objects) > 0 {
			t.Errorf("%.7s after %.7s: %+v", commit, before, of)
		}
	}
	says("", strings.Repeat("d", 40), "cannot be read from its repository")
	says(good, broken, "What it asks for is not known")
	says(broken, good, "which was applied before it, is not known")
	w.sync.Spec.Apply.KubeConfig = &api.KubeConfig{}
	says("", good, "writes to another cluster")
	w.sync.Spec.Apply.KubeConfig, w.sync.Status.Cluster = nil, &api.ClusterStatus{UID: "a"}
	says("", good, "writes to another cluster") // what it has written is still there
	w.sync.Status.Cluster = nil
	w.sync.Spec.Source.Verify.Mode, w.renders = api.VerifyEvery, 0
	says("", good, "asks for signatures")
	if w.renders > 0 {
		t.Error("what nobody has signed was rendered")
	}
	if of := w.reader.Read(t.Context(), w.sync, "", good); !of.Passing {
		t.Error("that it was not applied is kept, also when it is")
	}
	w.sync.Status.History = []api.Record{{Commit: good, State: api.Complete}}
	if of := w.reader.Read(t.Context(), w.sync, "", good); of.Why != "" {
		t.Errorf("one that was applied: %s", of.Why)
	}
	if _, err := w.reader.Marks.Begin("platform/agents "+good, time.Now()); err != nil { // and the process ends
		t.Fatal(err)
	}
	w.remember()
	says("", good, "a process ended while it rendered that")
	if of := w.reader.Read(t.Context(), w.sync, "", good); !of.Passing || !of.Later {
		t.Error("it is not tried again, ever")
	}
}

// unknown is a cluster that has no resource for anything yet.
type unknown struct{ flat }

func (unknown) Resources(context.Context, manifests.Set) (map[manifests.ID]schema.GroupVersionResource, error) {
	return map[manifests.ID]schema.GroupVersionResource{}, nil
}

// Who may get an object of a kind that the cluster does not know cannot be asked: that is not kept for good.
func TestAKindThatIsNotThereYetIsLookedForAgain(t *testing.T) {
	w := newWorld(t)
	commit := gittest.Commit(t, w.repo, "a.yaml", config("a", "info"))
	w.reader.Cluster = unknown{}
	if of := w.reader.Read(t.Context(), w.sync, "", commit); !of.Passing || !of.Later || len(of.Objects) != 1 {
		t.Errorf("%+v", of)
	}
	w.reader.Cluster = flat{}
	if of := w.reader.Read(t.Context(), w.sync, "", commit); of.Passing || len(of.Objects) != 1 {
		t.Errorf("%+v", of)
	}
}

// What panics while a commit is read is told to the log, and to nobody what it held; it is tried again.
func TestAPanicHoldsNothingThatWasRead(t *testing.T) {
	k := Keep(func(context.Context, *api.Sync, string, string) Of { panic("s3cr3t") })
	defer k.Close()
	told := ""
	k.Panicked = func(_ *api.Sync, p *panics.Panic) { told = p.Error() + p.Stack }
	of := k.Of(t.Context(), &api.Sync{}, "a", "b")
	if !of.Passing || !strings.Contains(of.Why, "panicked") || !strings.Contains(told, "changes_test.go") ||
		strings.Contains(of.Why+told, "s3cr3t") {
		t.Errorf("%+v, told: %s", of, told)
	}
}

// The diffs of a commit have a bound, and are cut by whole objects: of the others it stays known that they differ.
func TestDiffsAreCutByWholeObjects(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", mostText*2/3)
	commit := gittest.Commit(t, w.repo, "a.yaml", config("a", long)+"---\n"+config("b", long)+"---\n"+config("c", "info"))
	of := w.reader.Read(t.Context(), w.sync, "", commit)
	if len(of.Objects) != 3 || of.Objects[0].Text == "" || of.Objects[1].Text != "" || of.Objects[2].Text == "" {
		t.Errorf("%d objects, %s", len(of.Objects), of.Why)
	}
}

// Whoever asks for a commit waits for it as long as they like: it is read once for all of them, and goes on when they
// leave. What could not be read is tried again, after a pause.
func TestACommitIsReadOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads, why := 0, ""
		k := Keep(func(context.Context, *api.Sync, string, string) Of {
			reads++
			time.Sleep(time.Minute)
			return Of{Message: "read", Why: why, Passing: why != ""}
		})
		defer k.Close()
		ask := func(commit string, patience time.Duration) Of {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			return k.Of(ctx, &api.Sync{}, "a", commit)
		}
		for range 3 {
			if of := ask("b", time.Second); !strings.Contains(of.Why, "look again in a moment") {
				t.Errorf("%+v", of)
			}
		}
		if of := ask("b", time.Hour); of.Message != "read" || of.Why != "" || reads != 1 {
			t.Errorf("after %d reads: %+v", reads, of)
		}
		why = "down"
		for i, after := range []time.Duration{0, time.Second, againAfter} {
			time.Sleep(after)
			if of := ask("c", time.Hour); of.Why != "down" || reads != []int{2, 2, 3}[i] {
				t.Errorf("%s later, after %d reads: %+v", after, reads, of)
			}
		}
	})
}

// However many commits are asked for, few are read at once, and of one namespace half of them at most.
func TestFewAreReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu gosync.Mutex
		now := map[string]int{}
		k := Keep(func(ctx context.Context, s *api.Sync, _, _ string) Of {
			mu.Lock()
			now[s.Namespace]++
			mu.Unlock()
			<-ctx.Done()
			return Of{}
		})
		defer k.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i := range 10 {
			for _, namespace := range []string{"a", "b", "c"} {
				s := &api.Sync{}
				s.Namespace = namespace
				go k.Of(ctx, s, "", fmt.Sprint(i))
			}
			synctest.Wait()
		}
		mu.Lock()
		defer mu.Unlock()
		if now["a"] > mostAtOnce/2 || now["a"]+now["b"]+now["c"] != mostAtOnce {
			t.Errorf("%v are read at once", now)
		}
	})
}
