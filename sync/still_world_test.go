package sync

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	gosync "sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic/fake"
	k8sfake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync/alerts"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
)

// stillWorld is a controller without a cluster: Syncs, of which some render for ever or poll a server that never answers,
// and fleets in which nothing happens that a test does not do.
type stillWorld struct {
	*Controller
	Connections
	t testing.TB

	mu     gosync.Mutex
	fleets map[string]*plainFleet // by namespace
	wakes  map[string]func()      // by Sync, what the Observer calls
	head   map[string]string      // by namespace
	braked map[string]time.Time   // by namespace, the last time
	writes map[string]int         // by namespace
	hangs  map[string]int         // renders that hang, by namespace
	ended  int                    // of those
	most   int                    // renders at once
	now    int
	built  map[string]int   // renders, by namespace
	fails  map[string]error // what they fail with, by namespace
	news   []string
	panics func(where, namespace string) // when these are asked
	unseen map[string]error              // why nothing is seen, by namespace
	// stalls are the writes of a namespace that its admission webhook does not answer, once that is wanted.
	stalls  map[string]int
	stalled map[string]bool
}

// The folders and repositories of Syncs that hang.
const (
	hangingFolder = "hangs"
	hangingServer = "https://hangs.example.com/fleet"
)

// newStillWorld makes one with a controller that has not begun to work.
func newStillWorld(t testing.TB) *stillWorld {
	w := &stillWorld{t: t, fleets: map[string]*plainFleet{}, wakes: map[string]func(){}, head: map[string]string{},
		braked: map[string]time.Time{}, writes: map[string]int{}, hangs: map[string]int{},
		built: map[string]int{}, fails: map[string]error{}, stalls: map[string]int{}, stalled: map[string]bool{},
		unseen: map[string]error{}}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{api.Resource: "SyncList"})
	w.Controller = &Controller{Syncs: NewSyncs(client), Connect: w, Observer: &stillObserver{w: w}, Renders: w, Teller: w,
		ConfigMaps: k8sfake.NewSimpleClientset().CoreV1(), Now: time.Now, Workers: 2, Preparing: PreparingOptions{Queue: fairqueue.Options{Jobs: 4}}}
	w.Syncs.kept = seesChanges(t)
	return w
}

// run has the controller work until the test ends.
func (w *stillWorld) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running gosync.WaitGroup
	running.Go(func() {
		if err := w.Controller.Run(ctx); err != nil {
			w.t.Log(err)
		}
	})
	stop = gosync.OnceFunc(func() { cancel(); running.Wait() })
	w.t.Cleanup(stop)
	return stop
}

// add makes a Sync with a fleet of its own namespace, whose nodes run v0.
func (w *stillWorld) add(namespace, name string, change func(*api.SyncSpec)) {
	w.t.Helper()
	seconds := func(n time.Duration) metav1.Duration { return metav1.Duration{Duration: n * time.Second} }
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1, UID: "uid"},
		Spec: api.SyncSpec{Source: api.Source{URL: "https://git.example.com/" + namespace, Interval: seconds(1)},
			Gate: api.Gate{Order: api.OrderLatest, OnStuck: api.OnStuckRelease, ProgressDeadline: seconds(900),
				FailureBudget: new(intstr.FromInt32(0))},
			Rollout: api.Rollout{Settle: seconds(10), Probation: seconds(60), Proof: new(seconds(0))}}}
	if s.Spec.Source.Path = namespace + "/agents"; change != nil {
		change(&s.Spec)
	}
	w.mu.Lock()
	if w.fleets[namespace] == nil {
		f := &plainFleet{Rand: rand.New(rand.NewPCG(1, 7)), now: time.Now().Truncate(time.Second), template: "v0",
			generation: 1, observed: 1, templates: []string{"v0"}, nodes: map[string]*plainNode{}}
		for i := range 3 {
			f.nodes[fmt.Sprint("node-", i)] = &plainNode{made: f.now.Add(-time.Hour), pod: &plainPod{made: f.now.Add(-time.Hour),
				uid: i, image: "v0", ready: true, since: f.now.Add(-time.Hour)}}
		}
		w.fleets[namespace], w.head[namespace] = f, commitOf(1)
	}
	w.mu.Unlock()
	_, err := w.Syncs.client.Resource(api.Resource).Namespace(namespace).Create(context.Background(), must(untyped(s)),
		metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
}

func commitOf(n int) string { return fmt.Sprintf("%040d", n) }

// status reads what is written of a Sync.
func (w *stillWorld) status(namespace, name string) api.SyncStatus {
	w.t.Helper()
	s, err := w.Syncs.Get(context.Background(), namespace, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Status
}

// patch changes a Sync, or deletes it if there is no change.
func (w *stillWorld) patch(namespace, name, change string) {
	w.t.Helper()
	of, err := w.Syncs.client.Resource(api.Resource).Namespace(namespace), error(nil)
	if change == "" {
		err = of.Delete(context.Background(), name, metav1.DeleteOptions{})
	} else {
		_, err = of.Patch(context.Background(), name, types.MergePatchType, []byte(change), metav1.PatchOptions{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// until waits for something, and says what was told if it does not come.
func (w *stillWorld) until(what string, is func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.t.Fatalf("no %s; told:\n%s", what, strings.Join(w.news, "\n"))
		}
	}
}

// fail has the renders of a namespace fail, or no longer.
func (w *stillWorld) fail(namespace string, with error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails[namespace] = with
}

// locked reads something of the world.
func locked[T any](w *stillWorld, read func() T) T {
	w.mu.Lock()
	defer w.mu.Unlock()
	return read()
}

// breaks has the newest commit's agent on a node end, and the controller told of it.
func (w *stillWorld) breaks(namespace string) (since time.Time) {
	w.mu.Lock()
	f := w.fleets[namespace]
	n := f.nodes["node-0"]
	f.now = time.Now().Truncate(time.Second)
	n.pod = &plainPod{made: f.now, uid: 7, image: f.template, since: f.now, ends: 1}
	var wakes []func()
	for key, wake := range w.wakes {
		if strings.HasPrefix(key, namespace+"/") {
			wakes = append(wakes, wake)
		}
	}
	since = time.Now()
	w.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
	return since
}

func (w *stillWorld) Repository(_ context.Context, s *api.Sync) (source.Repository, error) {
	return &stillRepository{w: w, namespace: s.Namespace, hangs: s.Spec.Source.URL == hangingServer}, nil
}

func (w *stillWorld) Writer(s *api.Sync) (Writer, error) {
	w.ask("writer", s.Namespace)
	return &stillWriter{w: w, namespace: s.Namespace}, nil
}

// Account finds every account.
func (w *stillWorld) Destination(context.Context, *api.Sync) (*Destination, time.Duration) {
	return nil, 0
}

func (w *stillWorld) Account(context.Context, *api.Sync) error { return nil }

// Notes are none.
func (w *stillWorld) Notes(*api.Sync) (source.NotesReader, error) {
	return nil, errors.New("there are no notes")
}

// Statuses are none.
func (w *stillWorld) Statuses(context.Context, *api.Sync) (source.StatusReader, error) {
	return nil, errors.New("there is no host")
}

// Speakers are none.
func (w *stillWorld) Speakers(context.Context, *api.Sync, string) (*gitsource.Signers, error) {
	return nil, errors.New("there is no such Secret")
}

// Reporter tells nobody.
func (w *stillWorld) Reporter(_ context.Context, s *api.Sync) (outbox.Reporter, error) {
	w.ask("reporter", s.Namespace)
	return nobody{}, nil
}

// Alerts are asked of no server.
func (w *stillWorld) Alerts(_ context.Context, namespace string, _ *api.AlertsGate) (alerts.Source, error) {
	w.ask("alerts", namespace)
	return alerts.Source{}, errors.New("there is no server")
}

// Receiver takes nothing and says nothing.
func (w *stillWorld) Receiver(context.Context, *api.Sync) (notify.Receiver, error) {
	return nobody{}, nil
}

type nobody struct{}

func (nobody) Take(context.Context, notify.Event) notify.Answer { return notify.Answer{} }

func (nobody) Report(context.Context, []forge.Status) forge.Answer { return forge.Answer{} }

// ask lets a test have something go wrong.
func (w *stillWorld) ask(where, namespace string) {
	if w.panics != nil {
		w.panics(where, namespace)
	}
}

func (w *stillWorld) Tell(s *api.Sync, n News) {
	w.ask("teller", s.Namespace)
	w.mu.Lock()
	defer w.mu.Unlock()
	text := n.Message.Private
	if n.Move != nil {
		text = fmt.Sprint(n.Move.State, " ", n.Move.Message.Private)
	}
	w.news = append(w.news, fmt.Sprintf("%s/%s %s %s", s.Namespace, s.Name, n.Kind, text))
}

// Build renders a DaemonSet, or never ends.
func (w *stillWorld) Build(ctx context.Context, _ *gitsource.Tree, folder string, o render.Options, _ child.Limits,
) (render.Result, error) {
	namespace, _, _ := strings.Cut(folder, "/")
	w.ask("render", namespace)
	w.mu.Lock()
	w.now++
	w.most = max(w.most, w.now)
	hangs := strings.HasSuffix(folder, hangingFolder)
	if hangs {
		w.hangs[namespace]++
	}
	head := w.head[namespace]
	w.mu.Unlock()
	defer locked(w, func() int { w.now--; return w.now })
	if err := locked(w, func() error { w.built[namespace]++; return w.fails[namespace] }); err != nil {
		return render.Result{}, err
	}
	if hangs {
		<-ctx.Done()
		return render.Result{}, locked(w, func() error { w.ended++; return ctx.Err() })
	}
	d := &appsv1.DaemonSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "agent"},
		Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}},
			Template: podTemplate(head, map[string]string{"app": "agent"})}}
	object := must(runtime.DefaultUnstructuredConverter.ToUnstructured(d))
	return render.Result{Objects: []*unstructured.Unstructured{{Object: object}}}, nil
}

// stillRepository has one commit, or does not answer. Its mirror is empty until it is polled.
type stillRepository struct {
	source.Repository
	w         *stillWorld
	namespace string
	hangs     bool
	polled    bool
}

func (r *stillRepository) HeadWithin(ctx context.Context, _ gitsource.Ref, _ time.Duration) (string, error) {
	r.w.ask("poll", r.namespace)
	if r.hangs {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return locked(r.w, func() string {
		r.polled = true
		return r.w.head[r.namespace]
	}), nil
}

func (r *stillRepository) Met(context.Context, string, []string) ([]string, error) { return nil, nil }

func (r *stillRepository) Between(_ context.Context, _, to string) (gitsource.History, error) {
	return gitsource.History{Commits: []gitsource.Commit{{Hash: to}}}, nil
}

func (r *stillRepository) Fetch(context.Context, string) (bool, error) { return false, nil }

func (r *stillRepository) Beside(string) (map[string]string, time.Time) { return nil, time.Now() }

func (r *stillRepository) NameOf(gitsource.Ref, string) string { return "refs/heads/main" }

func (r *stillRepository) Keep(string, string) error { return nil }

func (r *stillRepository) Tree(context.Context, string) (*gitsource.Tree, error) {
	if !locked(r.w, func() bool { return r.polled }) {
		return nil, errors.New("not in the mirror")
	}
	return nil, nil
}

// stillWriter writes to a fleet.
type stillWriter struct {
	Writer
	w         *stillWorld
	namespace string
}

func (k *stillWriter) Resolve(_ context.Context, set manifests.Set, _ manifests.Options) (manifests.Set, error) {
	return set, nil
}

func (k *stillWriter) Preview(_ context.Context, set manifests.Set, _ manifests.Options) ([]*unstructured.Unstructured,
	error) {
	return set.Objects(), nil
}

func (k *stillWriter) Apply(ctx context.Context, set manifests.Set, _ manifests.Options) ([]manifests.Applied, error) {
	if locked(k.w, func() bool {
		if k.w.stalled[k.namespace] {
			k.w.stalls[k.namespace]++
		}
		return k.w.stalled[k.namespace]
	}) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	k.w.writes[k.namespace]++
	f := k.w.fleets[k.namespace]
	image, _, _ := unstructured.NestedSlice(set.Objects()[0].Object, "spec", "template", "spec", "containers")
	f.now = time.Now().Truncate(time.Second)
	f.commit(image[0].(map[string]any)["image"].(string)) //nolint:forcetypeassert // the test wrote it
	f.observe()
	return k.applied(set.Objects()[0]), nil
}

func (k *stillWriter) applied(o *unstructured.Unstructured) []manifests.Applied {
	live := o.DeepCopy()
	live.SetUID("ds")
	live.SetGeneration(k.w.fleets[k.namespace].generation)
	return []manifests.Applied{{ID: manifests.IDOf(o), Version: "v1", UID: "ds", Generation: live.GetGeneration(),
		Changed: true, Object: live}}
}

func (k *stillWriter) Brake(_ context.Context, o *unstructured.Unstructured, b manifests.Brake, _ manifests.Options,
) (manifests.Applied, error) {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	f := k.w.fleets[k.namespace]
	f.braked, k.w.braked[k.namespace] = b.String(), time.Now()
	f.generation++
	f.observe()
	return k.applied(o)[0], nil
}

func (k *stillWriter) Compare(_ context.Context, _ manifests.Set, _ manifests.Options) ([]manifests.Drift,
	[]manifests.Applied, error) {
	return nil, nil, nil
}

func (k *stillWriter) Get(context.Context, manifests.ID) (*unstructured.Unstructured, error) {
	return nil, nil
}

// Watch sees nothing: nobody answers there.
func (k *stillWriter) Watch(owner manifests.Owner, wake func()) *manifests.Watch {
	return must(manifests.NewClient(&rest.Config{Host: "http://127.0.0.1:1"})).Watch(owner, wake)
}

// stillObserver shows the fleet of a Sync's namespace.
type stillObserver struct {
	plainFleet
	w *stillWorld
}

func (o *stillObserver) Watch(key string, _ []rollout.Target, wake func()) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	o.w.wakes[key] = wake
}

func (o *stillObserver) Look(t rollout.Target) (rollout.Look, bool) {
	o.w.ask("look", t.Namespace)
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	look, known := o.w.fleets[t.Namespace].Look(t)
	known = known && o.w.unseen[t.Namespace] == nil
	look.Now, look.DaemonSet.Namespace = time.Now(), t.Namespace
	for _, r := range look.Revisions {
		r.Namespace = t.Namespace
	}
	for _, p := range look.Pods {
		p.Namespace = t.Namespace
	}
	return look, known
}

func (o *stillObserver) Before(context.Context, string, string) (rollout.Look, error) {
	return rollout.Look{Now: time.Now()}, nil
}

func (o *stillObserver) AddEvents(context.Context, *rollout.Look) {}

func (o *stillObserver) Nodes(context.Context) ([]*corev1.Node, error) { return nil, nil }

func (o *stillObserver) Trouble(t rollout.Target) error {
	return locked(o.w, func() error { return o.w.unseen[t.Namespace] })
}
