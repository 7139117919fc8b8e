package sync

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	gosync "sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/render/child/childtest"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/sync/alerts"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/notify/webhook"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
	"github.com/daemongate/daemongate/sync/stored"
)

// shared is the cluster of this package's tests; each test has a namespace of its own.
var shared *clustertest.Cluster

func TestMain(m *testing.M) {
	flag.Parse()
	clustertest.Quiet()
	plainGit()
	_ = flag.Set("test.parallel", "24") // stories wait more than they work
	debug.SetGCPercent(400)             // they share few processors, not memory
	os.Exit(runAll(m))
}

// plainGit has git read no configuration but this one: in repositories that last for seconds nothing is tidied up or
// flushed to the disk.
func plainGit() {
	_ = os.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	own := []string{"gc.auto=0", "maintenance.auto=false", "receive.autogc=false", "core.fsync=none"}
	_ = os.Setenv("GIT_CONFIG_COUNT", strconv.Itoa(len(own)))
	for i, setting := range own {
		key, value, _ := strings.Cut(setting, "=")
		_ = os.Setenv(fmt.Sprint("GIT_CONFIG_KEY_", i), key)
		_ = os.Setenv(fmt.Sprint("GIT_CONFIG_VALUE_", i), value)
	}
}

func runAll(m *testing.M) int {
	defer childtest.Remove()
	if testing.Short() {
		return m.Run()
	}
	cluster, stop, err := clustertest.StartMain()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	defer removeBinary()
	shared = cluster
	if err := installSyncs(cluster); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// installSyncs brings the Sync resource to a cluster.
func installSyncs(cluster *clustertest.Cluster) error {
	crd, err := install.CRD()
	if err != nil {
		return err
	}
	return install.Apply(context.Background(), cluster.Config, crd)
}

// world is a namespace, a repository to push to, and a Sync of the two.
type world struct {
	t         testing.TB
	cluster   *clustertest.Cluster
	namespace string
	work, url string
	kube      kubernetes.Interface
	client    dynamic.Interface
	syncs     *Syncs
	files     map[string]string
	after     map[string]string // spec.rollout.after
	// packs is after how many fetches a mirror is made anew; 0 is the default.
	packs int
	// inStatus is how many bytes an inventory takes in the status at most; 0 is the default.
	inStatus int
	notes    notes
}

// newWorld is one on the cluster of this package's tests.
func newWorld(t testing.TB) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	return newWorldOn(t, shared)
}

func newWorldOn(t testing.TB, cluster *clustertest.Cluster) *world {
	t.Helper()
	w := newGit(t)
	w.cluster = cluster
	w.client = must(dynamic.NewForConfig(cluster.Config))
	w.kube = must(kubernetes.NewForConfig(cluster.Config))
	w.syncs = NewSyncs(w.client)
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"generateName": "sync-test-"}}}
	created, err := w.client.Resource(namespaces).Create(t.Context(), namespace, metav1.CreateOptions{})
	w.check(err)
	w.namespace = created.GetName()
	t.Cleanup(func() { // so that its pods keep no later test's cluster busy
		w.freeSyncs()
		if err := w.client.Resource(namespaces).Delete(context.Background(), w.namespace,
			metav1.DeleteOptions{}); err != nil {
			t.Log(err)
		}
	})
	return w
}

// freeSyncs has the Syncs of the world's namespace go without a controller that sees to it.
func (w *world) freeSyncs() {
	all, err := w.client.Resource(api.Resource).Namespace(w.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		w.t.Log(err)
		return
	}
	for _, s := range all.Items {
		if _, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(context.Background(), s.GetName(),
			"application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
			w.t.Log(err)
		}
	}
}

// newGit is a world's repository alone, without a cluster.
func newGit(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, work: filepath.Join(t.TempDir(), "work"), url: filepath.Join(t.TempDir(), "fleet.git"),
		files: map[string]string{}}
	w.check(os.MkdirAll(w.work, 0o755))
	w.git("init", "-q", "--bare", "-b", "main", w.url)
	w.git("init", "-q", "-b", "main")
	w.git("remote", "add", "origin", w.url)
	return w
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// git runs git in the work tree.
func (w *world) git(args ...string) string {
	w.t.Helper()
	c := exec.Command("git", args...)
	c.Dir = w.work
	c.Env = append(os.Environ(), "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// push commits the files given, on top of those before; an empty text removes a file.
func (w *world) push(subject string, files map[string]string) string {
	w.t.Helper()
	maps.Copy(w.files, files)
	for name, text := range files {
		path := filepath.Join(w.work, name)
		if text == "" {
			w.check(os.Remove(path))
			continue
		}
		w.check(os.WriteFile(path, []byte(text), 0o644))
	}
	w.git("add", "-A")
	w.git("commit", "-q", "-m", subject)
	w.git("push", "-q", "-f", "origin", "main")
	return w.git("rev-parse", "HEAD")
}

// agent is a DaemonSet on all nodes; name must be unique in the cluster's namespace of the test.
func agent(image string, args ...string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  updateStrategy: {rollingUpdate: {maxUnavailable: 100%%}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: agent, image: "registry.local/agent:%s", args: [%s]}]
`, image, strings.Join(args, ", "))
}

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: %q}\n", name, value)
}

// create makes the Sync; change may alter its spec before.
func (w *world) create(change func(spec *api.SyncSpec)) {
	w.t.Helper()
	w.createAs("agents", change)
}

// createAs makes a Sync of another name.
func (w *world) createAs(name string, change func(spec *api.SyncSpec)) {
	w.t.Helper()
	seconds := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, Spec: api.SyncSpec{
		Source: api.Source{URL: w.url, Interval: seconds(time.Second)},
		Gate: api.Gate{Order: api.OrderLatest, OnStuck: api.OnStuckRelease,
			ProgressDeadline: seconds(5 * time.Minute), FailureBudget: new(intstr.FromString("1%"))},
		Rollout: api.Rollout{OnDelete: api.OnDeletePass, Settle: seconds(500 * time.Millisecond),
			Probation: seconds(time.Minute),
			Proof:     new(seconds(0))}, // the stories that are about the proof ask for one
		Report: api.Report{Provider: api.ProviderNotes, Unchanged: true},
	}}
	if change != nil {
		change(&s.Spec)
	}
	u := must(untyped(s))
	unstructured.RemoveNestedField(u.Object, "status")
	if w.after != nil {
		w.check(unstructured.SetNestedStringMap(u.Object, w.after, "spec", "rollout", "after"))
	}
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Create(w.t.Context(), u, metav1.CreateOptions{})
	w.check(err)
}

// controller runs Daemongate in this process until it is stopped. data outlives it, as a disk does.
func (w *world) controller(config *rest.Config, data string) (stop func()) {
	w.t.Helper()
	_, stop = w.run(config, data)
	return stop
}

func (w *world) run(config *rest.Config, data string) (c *Controller, stop func()) {
	w.t.Helper()
	return w.runFor(w.namespace, config, data)
}

// runFor looks after the Syncs of a namespace, or of all of them if it is empty.
func (w *world) runFor(namespace string, config *rest.Config, data string) (c *Controller, stop func()) {
	w.t.Helper()
	c = w.newController(namespace, config, data)
	return c, w.start(c)
}

func (w *world) newController(namespace string, config *rest.Config, data string) *Controller {
	w.t.Helper()
	clients := must(observe.NewClients(config))
	core := must(kubernetes.NewForConfig(config)).CoreV1()
	syncs := NewSyncs(must(dynamic.NewForConfig(config)))
	syncs.Inventories = stored.Store{ConfigMaps: core, InStatus: w.inStatus}
	syncs.kept = seesChanges(w.t)
	return &Controller{
		Syncs: syncs,
		Connect: &plainConnections{config: config, store: gitsource.Open(filepath.Join(data, "mirrors"),
			gitsource.Options{MaxPacks: w.packs}), data: data},
		Observer:   observe.New(clients),
		Renders:    childtest.Runner(w.t),
		ConfigMaps: core,
		Teller:     teller{w.t},
		Now:        time.Now,
		Namespaces: placesOf(namespace),
		Workers:    4,
	}
}

// seesChanges has a test fail at its end if somebody has changed a Sync that an informer keeps, or a status that was
// written: all who look share it.
func seesChanges(t testing.TB) (kept func(*api.Sync)) {
	t.Helper()
	if _, measures := t.(*testing.B); measures {
		return nil
	}
	var mu gosync.Mutex
	asTheyCame := map[*api.Sync]*api.Sync{}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for s, came := range asTheyCame {
			if !equality.Semantic.DeepEqual(s, came) {
				t.Errorf("a Sync was changed that is shared:\n%+v\nit came as\n%+v", s, came)
			}
		}
	})
	return func(s *api.Sync) {
		mu.Lock()
		defer mu.Unlock()
		asTheyCame[s] = s.DeepCopy()
	}
}

func (w *world) start(c *Controller) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running gosync.WaitGroup
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			w.t.Logf("controller: %v", err)
		}
		c.Observer.Stop()
	})
	stop = gosync.OnceFunc(func() { cancel(); running.Wait() })
	w.t.Cleanup(stop)
	return stop
}

// plainConnections writes as the test does and reports by notes.
type plainConnections struct {
	config *rest.Config
	store  *gitsource.Store
	data   string
}

func (k *plainConnections) Repository(_ context.Context, s *api.Sync) (source.Repository, error) {
	return k.store.Repository(s.Spec.Source.URL, gitsource.Auth{})
}

// Signers are in the Secret signers, as for the binary.
func (k *plainConnections) Signers(ctx context.Context, s *api.Sync) (*gitsource.Signers, error) {
	secret, err := must(kubernetes.NewForConfig(k.config)).CoreV1().Secrets(s.Namespace).Get(ctx,
		s.Spec.Source.Verify.SecretRef.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return gitsource.ReadSigners(secret.Data)
}

func (k *plainConnections) Base(_ context.Context, _ *api.Sync, url string) (source.Repository, error) {
	return k.store.Repository(url, gitsource.Auth{})
}

func (k *plainConnections) Writer(*api.Sync) (Writer, error) { return manifests.NewClient(k.config) }

func (k *plainConnections) Destination(context.Context, *api.Sync) (*Destination, time.Duration) {
	return nil, 0
}

func (k *plainConnections) Account(context.Context, *api.Sync) error { return nil }

// Speakers are in the Secret that is named.
func (k *plainConnections) Speakers(ctx context.Context, s *api.Sync, secret string) (*gitsource.Signers, error) {
	read, err := must(kubernetes.NewForConfig(k.config)).CoreV1().Secrets(s.Namespace).Get(ctx, secret,
		metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return gitsource.ReadSigners(read.Data)
}

func (k *plainConnections) Notes(s *api.Sync) (source.NotesReader, error) {
	return forge.NewNotesReader(s.Spec.Source.URL, func(context.Context) (gitsource.Auth, error) {
		return gitsource.Auth{}, nil
	}, filepath.Join(k.data, "heard"), remote.Reach{}), nil
}

// Statuses are read from no host.
func (k *plainConnections) Statuses(context.Context, *api.Sync) (source.StatusReader, error) {
	return nil, errors.New("there is no host")
}

func (k *plainConnections) Alerts(_ context.Context, _ string, gate *api.AlertsGate) (alerts.Source, error) {
	matchers, err := alerts.ParseMatchers(gate.Matchers)
	return alerts.Source{URL: gate.URL, Prometheus: gate.API == api.PrometheusAPI, Matchers: matchers,
		Client: http.DefaultClient}, err
}

func (k *plainConnections) Reporter(_ context.Context, s *api.Sync) (outbox.Reporter, error) {
	return forge.NewNotes(s.Spec.Source.URL, "", gitsource.Auth{}, filepath.Join(k.data, "notes")), nil
}

// Receiver reads where the receiver is from the Secret that the Sync names, as the binary does.
func (k *plainConnections) Receiver(_ context.Context, s *api.Sync) (notify.Receiver, error) {
	secrets := must(kubernetes.NewForConfig(k.config)).CoreV1().Secrets(s.Namespace)
	return webhook.New(func(ctx context.Context) (webhook.To, error) {
		secret, err := secrets.Get(ctx, s.Spec.Report.Notify.SecretRef.Name, metav1.GetOptions{})
		if err != nil {
			return webhook.To{}, err
		}
		return webhook.To{URL: string(secret.Data["url"])}, nil
	}, http.DefaultTransport), nil
}

type teller struct{ t testing.TB }

func (l teller) Tell(_ *api.Sync, n News) {
	switch m := n.Move; n.Kind {
	case NewsProgressed:
	case NewsMoved:
		l.t.Logf("%s %s by %s (%s): %s", api.Short(m.Commit), m.State, api.Short(m.By), m.Outcome, m.Message.Private)
	default:
		l.t.Logf("%s: %s %q", n.Kind, n.Message.Private, n.Objects)
	}
}

// status reads the Sync's status, with its inventory, wherever that is.
func (w *world) status() api.SyncStatus {
	w.t.Helper()
	for {
		s, err := w.syncs.Get(w.t.Context(), w.namespace, "agents")
		w.check(err)
		_, err = stored.Store{ConfigMaps: w.kube.CoreV1()}.Fill(w.t.Context(), s)
		if lost := (*stored.LostError)(nil); errors.As(err, &lost) {
			continue // two newer ones have been stored since the status was read
		}
		w.check(err)
		return s.Status
	}
}

// waitFor returns when a commit has come to a state, and what it wrote is pruned.
func (w *world) waitFor(commit string, state api.CommitState) api.Record {
	w.t.Helper()
	var found api.Record
	w.wait(fmt.Sprintf("%s to be %s", api.Short(commit), state), func(s api.SyncStatus) bool {
		for _, r := range s.History {
			if r.Commit == commit && r.State == state {
				found = r
				return state != api.Complete || s.InFlight.Pruned
			}
		}
		return false
	})
	return found
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mkdir(root string, names ...string) error {
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// lastReady waits until every pod of the agent is Ready with the DaemonSet's newest template, and returns since when
// the last of them has been, to the second.
func (w *world) lastReady() time.Time {
	w.t.Helper()
	var last time.Time
	w.wait("the pods to be Ready", func(api.SyncStatus) bool {
		d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
		w.check(err)
		pods, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
		w.check(err)
		last = time.Time{}
		ready := 0
		for _, p := range pods.Items {
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue &&
					p.Spec.Containers[0].Image == d.Spec.Template.Spec.Containers[0].Image {
					ready++
					if c.LastTransitionTime.After(last) {
						last = c.LastTransitionTime.Time
					}
				}
			}
			for _, c := range p.Status.ContainerStatuses {
				if c.State.Running != nil && c.State.Running.StartedAt.After(last) {
					last = c.State.Running.StartedAt.Time
				}
			}
		}
		return ready == int(d.Status.DesiredNumberScheduled) && ready > 0
	})
	return last
}

// placesOf is one namespace to look after; all if it is empty.
func placesOf(namespace string) []string {
	if namespace == "" {
		return nil
	}
	return []string{namespace}
}
