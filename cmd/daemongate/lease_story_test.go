package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// leaseTime is how long a Lease is held without being renewed. That it is taken over to the second then, and at once
// when it is let go, is told with a played clock in sync/lease: here a busy machine may take longer.
const leaseTime = 15 * time.Second

// Two controllers on one cluster, one of them as people run it and one as it is installed, write one after the other.
// While the first one rolls out, the second one writes nothing and says whom it waits for. When the first one is killed
// in the middle, the second one goes on within the lease time and applies nothing a second time. When that one is
// stopped, a third one goes on at once; and when somebody takes its Lease away, it ends and says why.
func TestOneControllerWritesAtATime(t *testing.T) { // beside no other cluster: it says how long it may take
	w := newLeaseWorld(t)
	first := w.run("first", "-f", filepath.Join(w.dir, "sync.yaml"), "--kubeconfig", w.cluster.Kubeconfig)
	w.waitState(w.push("v1"), api.Complete)

	probes, between := clustertest.FreeAddress(t), w.watched()
	second := w.run("second", "--all-namespaces", "--allow-local-repositories", "--kubeconfig", between.kubeconfig, "--metrics-address", probes)
	second.waitSays(t, time.Minute, fmt.Sprintf("waiting: process %d on %s has held the Lease "+
		"daemongate-system/daemongate since 20", first.process.Pid, hostname(t)))
	v2 := w.push("v2")
	w.waitState(v2, api.RollingOut)
	if code, _ := ask(t, "http://"+probes+"/healthz"); code != http.StatusOK {
		t.Errorf("who waits is not alive: %d", code)
	}
	if code, text := ask(t, "http://"+probes+"/readyz"); code != http.StatusOK ||
		!strings.HasPrefix(text, "standing by: ") {
		t.Errorf("who waits, and can take over, is not ready: %d %s", code, text)
	}
	if _, text := ask(t, "http://"+probes+"/metrics"); !strings.Contains(text, "\ndaemongate_lease_held 0") {
		t.Errorf("daemongate_lease_held 0 is not said in\n%s", text)
	}
	if writes := between.written(); len(writes) > 0 {
		t.Errorf("who waits wrote: %q", writes)
	}

	check(t, first.process.Kill())
	<-first.ended
	killed, last := time.Now(), w.lease()
	second.waitSays(t, time.Minute, fmt.Sprintf("holds the Lease daemongate-system/daemongate now: process %d on %s "+
		"has not renewed it for 15s", first.process.Pid, hostname(t)))
	if took := time.Since(killed); took > 20*leaseTime {
		t.Errorf("took over %s after the first one was killed", took)
	}
	if held := time.Since(last.Spec.RenewTime.Time); held < leaseTime {
		t.Errorf("took over %s after the first one had renewed the Lease", held)
	}
	w.waitState(v2, api.Complete)
	if d, err := w.kube.AppsV1().DaemonSets("platform").Get(t.Context(), "agent", metav1.GetOptions{}); err != nil ||
		d.Generation != 2 {
		t.Errorf("the DaemonSet has generation %d after two commits: %v", d.Generation, err)
	}
	if code, text := ask(t, "http://"+probes+"/readyz"); code != http.StatusOK || text != "ok\n" {
		t.Errorf("who works is not ready: %d %s", code, text)
	}
	if _, text := ask(t, "http://"+probes+"/metrics"); !strings.Contains(text, "\ndaemongate_lease_held 1") {
		t.Errorf("daemongate_lease_held 1 is not said in\n%s", text)
	}

	third := w.run("third", "--all-namespaces", "--allow-local-repositories", "--kubeconfig", w.cluster.Kubeconfig)
	third.waitSays(t, time.Minute, fmt.Sprintf("waiting: process %d on", second.process.Pid))
	check(t, second.process.Signal(os.Interrupt))
	if err := <-second.ended; err != nil {
		t.Errorf("who was asked to stop ended with %v", err)
	}
	third.waitSays(t, leaseTime, fmt.Sprintf("process %d on %s let it go", second.process.Pid, hostname(t)))
	w.waitState(w.push("v3"), api.Complete)

	w.change(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new("somebody-else") })
	if err := <-third.ended; err == nil {
		t.Error("who lost the Lease ended well")
	}
	third.waitSays(t, time.Minute, "daemongate: lost the Lease daemongate-system/daemongate: somebody-else holds it now")
}

// leaseWorld is a cluster and a repository that several controllers bring together.
type leaseWorld struct {
	t       *testing.T
	cluster *clustertest.Cluster
	kube    kubernetes.Interface
	syncs   *sync.Syncs
	dir     string
	// namespace of the Sync, and of what it asks for.
	namespace string
}

func newLeaseWorld(t *testing.T) *leaseWorld {
	t.Helper()
	return newLeaseWorldOn(t, clustertest.Start(t, clustertest.Options{Nodes: 6}), "platform")
}

func newLeaseWorldOn(t *testing.T, cluster *clustertest.Cluster, namespace string) *leaseWorld {
	t.Helper()
	w := &leaseWorld{t: t, cluster: cluster, dir: t.TempDir(), namespace: namespace}
	var err error
	w.kube, err = kubernetes.NewForConfig(w.cluster.Config)
	check(t, err)
	client, err := dynamic.NewForConfig(w.cluster.Config)
	check(t, err)
	w.syncs = sync.NewSyncs(client)
	gittest.Write(t, filepath.Join(w.dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: `+namespace+`}
spec:
  source: {url: `+filepath.Join(w.dir, "fleet")+`, interval: 1s}
  rollout: {settle: 1s, proof: 1s, after: {ConfigError: 20m}}
  apply: {targetNamespace: `+namespace+`}
`)
	return w
}

// push commits a version of the agent.
func (w *leaseWorld) push(version string) string { return w.pushNeeding(version, "") }

// pushNeeding is push of an agent that does not start before the world's namespace has a ConfigMap, if one is named.
func (w *leaseWorld) pushNeeding(version, configMap string) string {
	w.t.Helper()
	needs := ""
	if configMap != "" {
		needs = ", envFrom: [{configMapRef: {name: " + configMap + "}}]"
	}
	return gittest.Commit(w.t, filepath.Join(w.dir, "fleet"), "agent.yaml", `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: agent, image: "registry.local/agent:`+version+`"`+needs+`}]}
`)
}

// waitState waits until a commit is in flight or settled as said.
func (w *leaseWorld) waitState(commit string, state api.CommitState) {
	w.t.Helper()
	clustertest.Until(w.t, 3*time.Minute, fmt.Sprintf("%s to be %s", api.Short(commit), state), func() (string, bool) {
		s, err := w.syncs.Get(w.t.Context(), w.namespace, "agents")
		if err != nil {
			return err.Error(), false
		}
		return fmt.Sprintf("%+v", s.Status.Summary), s.Status.InFlight != nil && s.Status.InFlight.Commit == commit &&
			s.Status.InFlight.State == state
	})
}

// lease is the Lease as it is now.
func (w *leaseWorld) lease() *coordinationv1.Lease {
	w.t.Helper()
	l, err := w.kube.CoordinationV1().Leases("daemongate-system").Get(w.t.Context(), "daemongate", metav1.GetOptions{})
	check(w.t, err)
	return l
}

// change changes the Lease behind everybody's back.
func (w *leaseWorld) change(change func(*coordinationv1.Lease)) {
	w.t.Helper()
	leases := w.kube.CoordinationV1().Leases("daemongate-system")
	clustertest.Until(w.t, time.Minute, "the Lease to be changed", func() (string, bool) {
		l, err := leases.Get(w.t.Context(), "daemongate", metav1.GetOptions{})
		check(w.t, err)
		change(l)
		_, err = leases.Update(w.t.Context(), l, metav1.UpdateOptions{})
		return fmt.Sprint(err), err == nil
	})
}

// member is one of several controllers.
type member struct {
	process *os.Process
	ended   <-chan error
	out     *locked
}

func (w *leaseWorld) run(name string, args ...string) *member {
	w.t.Helper()
	m := &member{out: &locked{}}
	m.process, m.ended = controllerProcess(w.t, io.MultiWriter(m.out, w.t.Output()),
		append(args, "--data-dir", filepath.Join(w.dir, name))...)
	return m
}

func (m *member) waitSays(t *testing.T, within time.Duration, text string) {
	t.Helper()
	clustertest.Until(t, within, text, func() (string, bool) {
		return m.out.String(), strings.Contains(m.out.String(),
			text)
	})
}

// between is a way to the API server that notes what is written.
type between struct {
	kubeconfig string
	mu         gosync.Mutex
	writes     []string
	late       late
}

func (b *between) written() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writes
}

// watched is such a way.
func (w *leaseWorld) watched() *between {
	w.t.Helper()
	transport, err := rest.TransportFor(w.cluster.Config)
	check(w.t, err)
	target, err := url.Parse(w.cluster.Config.Host)
	check(w.t, err)
	b := &between{kubeconfig: filepath.Join(w.dir, "watched"),
		late: late{released: make(chan struct{}), answered: make(chan int, 1)}}
	proxy := &httputil.ReverseProxy{Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		// Who one is is asked by a POST, and nothing is written.
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/selfsubjectreviews") {
			b.mu.Lock()
			b.writes = append(b.writes, r.Method+" "+r.URL.Path)
			b.mu.Unlock()
		}
		if b.late.holds(r) {
			b.late.deliver(r, proxy)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(func() {
		server.CloseClientConnections() // watches would not end by themselves
		server.Close()
	})
	check(w.t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"watched": {Server: server.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"watched": {Cluster: "watched"}},
		CurrentContext: "watched",
	}, b.kubeconfig))
	return b
}

// ask asks an address of a controller.
func ask(t *testing.T, url string) (code int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	check(t, err)
	answer, err := http.DefaultClient.Do(r)
	check(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(t, err)
	return answer.StatusCode, string(body)
}

func hostname(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	check(t, err)
	return name
}
