package observe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe"
)

// patience is how long a test waits for what must come.
const patience = 5 * time.Minute

// world is an Observer of a real cluster in one namespace, and a client of the test's own.
type world struct {
	*testing.T
	kube     kubernetes.Interface
	ns       string
	wire     *wire
	observer *observe.Observer
	wakes    atomic.Int32
}

// newWorld makes one. change may narrow what the Observer may do.
func newWorld(t *testing.T, cluster *clustertest.Cluster, change func(*rest.Config)) *world {
	t.Helper()
	kube, err := kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := kube.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "observe-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, kube: kube, ns: namespace.Name, wire: &wire{open: map[string]int{}}}
	config := rest.CopyConfig(cluster.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { w.wire.next = next; return w.wire })
	if change != nil {
		change(config)
	}
	clients, err := observe.NewClients(config)
	if err != nil {
		t.Fatal(err)
	}
	w.observer = observe.New(clients)
	t.Cleanup(w.observer.Stop)
	return w
}

// wire counts the watches that are open and can be cut.
type wire struct {
	next http.RoundTripper

	mu       sync.Mutex
	open     map[string]int // by path
	selector []string       // of every watch there was
	cut      bool
	bodies   []io.Closer
	asked    int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked++
	cut := w.cut
	w.mu.Unlock()
	if cut {
		return nil, errors.New("the wire is cut")
	}
	response, err := w.next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK || !r.URL.Query().Has("watch") {
		return response, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[r.URL.Path]++
	w.selector = append(w.selector, r.URL.Path+"?"+r.URL.Query().Get("labelSelector")+
		r.URL.Query().Get("fieldSelector"))
	body := &closing{ReadCloser: response.Body, closed: sync.OnceFunc(func() { w.close(r.URL.Path) })}
	w.bodies = append(w.bodies, response.Body)
	response.Body = body
	return response, nil
}

func (w *wire) close(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[path]--; w.open[path] == 0 {
		delete(w.open, path)
	}
}

// sever cuts everything that is open and lets nothing new through.
func (w *wire) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for _, b := range w.bodies {
		b.Close()
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}

// watching are the paths that are watched.
func (w *wire) watching() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]int{}
	for path, n := range w.open {
		all[path] = n
	}
	return all
}

func (w *wire) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

func (w *wire) selectors() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.selector, "\n")
}

type closing struct {
	io.ReadCloser
	closed func()
}

func (c *closing) Close() error {
	c.closed()
	return c.ReadCloser.Close()
}

func (w *world) wake() { w.wakes.Add(1) }

// apply makes a DaemonSet whose pods have a label app of its name.
func (w *world) apply(name, image string) rollout.Target {
	w.Helper()
	labels := map[string]string{"app": name}
	d, err := w.kube.AppsV1().DaemonSets(w.ns).Create(w.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: image,
					Env: []corev1.EnvVar{{Name: "TOKEN", Value: "s3cret"}}}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return rollout.Target{Namespace: w.ns, Name: name, UID: d.UID, Generation: d.Generation}
}

// await waits until a look satisfies a condition. It looks only when it is woken, as a Sync does.
func (w *world) await(t rollout.Target, woken <-chan struct{}, what string,
	condition func(rollout.Look) bool) rollout.Look {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	for {
		look, synced := w.observer.Look(t)
		if synced && condition(look) {
			return look
		}
		select {
		case <-woken:
		case <-ctx.Done():
			w.Fatalf("%s: not within %s; synced: %t, trouble: %v, pods: %d", what, patience, synced,
				w.observer.Trouble(t), len(look.Pods))
		}
	}
}

// watch watches targets and returns what tells of wakes.
func (w *world) watch(key string, targets ...rollout.Target) <-chan struct{} {
	return w.watchAs(key, func() {}, targets...)
}

// watchAs tells of each wake, too.
func (w *world) watchAs(key string, wake func(), targets ...rollout.Target) <-chan struct{} {
	woken := make(chan struct{}, 1)
	w.observer.Watch(key, targets, func() {
		w.wake()
		wake()
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	return woken
}

// until waits for what nobody is woken for.
func (w *world) until(what string, condition func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// rests waits until nobody has been woken for a second. It looks often in it: a machine that stood still for a while has
// done nothing meanwhile.
func (w *world) rests() {
	w.Helper()
	before, quiet := int32(-1), 0
	w.until("a second without a wake", func() bool {
		now := w.wakes.Load()
		if quiet++; now != before {
			before, quiet = now, 0
		}
		return quiet == 100
	})
}

// ready counts pods that are.
func ready(l rollout.Look) (n int) {
	for _, p := range l.Pods {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				n++
			}
		}
	}
	return n
}
