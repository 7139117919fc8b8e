package main

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// tenants are namespaces of a cluster on which the installed controller runs with its own account's rights.
type tenants struct {
	t       *testing.T
	cluster *clustertest.Cluster
	kube    kubernetes.Interface
	syncs   *sync.Syncs
	dir     string
}

// newTenants installs Daemongate. Repositories are on this machine, and so are the servers that hang.
func newTenants(t *testing.T, nodes int, namespaces ...string) *tenants {
	t.Helper()
	w := &tenants{t: t, cluster: clustertest.Start(t, clustertest.Options{Nodes: nodes}), dir: t.TempDir()}
	installs(t, w.cluster)
	var err error
	w.kube, err = kubernetes.NewForConfig(w.cluster.Config)
	check(t, err)
	client, err := dynamic.NewForConfig(w.cluster.Config)
	check(t, err)
	w.syncs = sync.NewSyncs(client)
	for _, namespace := range namespaces {
		deployer(t, w.kube, namespace)
		w.letWriteSyncs(namespace)
	}
	startController(t, append(installedArgs(t, w.kube), "--allow-local-repositories", "--allow-local-networks", "--data-dir",
		filepath.Join(w.dir, "data"), "--kubeconfig", tokenConfig(t, w.cluster, w.kube, w.dir))...)
	return w
}

// letWriteSyncs lets a namespace's tenant write Syncs there, and nothing else anywhere.
func (w *tenants) letWriteSyncs(namespace string) {
	w.t.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "tenant"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{api.Resource.Group}, Resources: []string{api.Resource.Resource}, Verbs: []string{"*"}}}}
	_, err := w.kube.RbacV1().Roles(namespace).Create(w.t.Context(), role, metav1.CreateOptions{})
	check(w.t, err)
	_, err = w.kube.RbacV1().RoleBindings(namespace).Create(w.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tenant"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "tenant-" + namespace}},
	}, metav1.CreateOptions{})
	check(w.t, err)
}

// sync has the tenant of a namespace make a Sync.
func (w *tenants) sync(namespace, name, url, path string) {
	w.t.Helper()
	config := rest.CopyConfig(w.cluster.Config)
	config.Impersonate.UserName = "tenant-" + namespace
	client, err := dynamic.NewForConfig(config)
	check(w.t, err)
	source := map[string]any{"url": url, "interval": "1s"}
	if path != "" {
		source["path"] = path
	}
	_, err = client.Resource(api.Resource).Namespace(namespace).Create(w.t.Context(), &unstructured.Unstructured{
		Object: map[string]any{"apiVersion": api.Kind.GroupVersion().String(), "kind": api.Kind.Kind,
			"metadata": map[string]any{"name": name},
			"spec": map[string]any{"source": source, "gate": map[string]any{"failureBudget": "0"},
				"rollout": map[string]any{"settle": "1s", "proof": "0s"},
				"apply":   map[string]any{"serviceAccountName": "deployer"}}}}, metav1.CreateOptions{})
	check(w.t, err)
}

// agent pushes a version of a namespace's agent, and returns its repository and its commit.
func (w *tenants) agent(namespace, version, behaviour string) (repo, commit string) {
	w.t.Helper()
	repo = filepath.Join(w.dir, namespace)
	return repo, gittest.Commit(w.t, repo, "agent.yaml", fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  updateStrategy: {rollingUpdate: {maxUnavailable: 10%%}}
  template:
    metadata: {labels: {app: agent}, annotations: {devcluster.daemongate.io/behaviour: %q}}
    spec: {terminationGracePeriodSeconds: 5, containers: [{name: agent, image: "registry.local/agent:%s"}]}
`, behaviour, version))
}

// complete waits until a commit of a namespace's agent is.
func (w *tenants) complete(namespace, commit string) {
	w.t.Helper()
	clustertest.Until(w.t, 2*time.Minute, api.Short(commit)+" of "+namespace+" to be Complete", func() (string, bool) {
		s, err := w.syncs.Get(w.t.Context(), namespace, "agents")
		check(w.t, err)
		return fmt.Sprintf("%+v", s.Status.Summary), s.Status.LastComplete == commit
	})
}

// broken pushes a version of the agent that crashes, and returns when it is braked.
func (w *tenants) broken(namespace string) {
	w.t.Helper()
	w.agent(namespace, "v2", "crash")
	clustertest.Until(w.t, 3*time.Minute, "the brake in "+namespace, func() (string, bool) {
		s, err := w.syncs.Get(w.t.Context(), namespace, "agents")
		check(w.t, err)
		agents, err := w.kube.AppsV1().DaemonSets(namespace).List(w.t.Context(), metav1.ListOptions{})
		check(w.t, err)
		braked := slices.ContainsFunc(agents.Items, func(d appsv1.DaemonSet) bool {
			return d.Annotations[manifests.BrakeAnnotation] != ""
		})
		return fmt.Sprintf("%+v", s.Status.Summary), braked
	})
}

// slowWebhook is an admission webhook that takes nine seconds to allow something. Of dry runs it does so only to those
// of ConfigMaps whose name says so.
type slowWebhook struct {
	over                   chan struct{} // closed when it is to be slow no longer
	waitingWrites, waiting atomic.Int64

	mu       gosync.Mutex
	answered map[string]map[string]bool // names of what was written, by turn
}

// slowWebhook has one be asked for the ConfigMaps of a namespace.
func (w *tenants) slowWebhook(namespace string) *slowWebhook {
	w.t.Helper()
	h := &slowWebhook{over: make(chan struct{}), answered: map[string]map[string]bool{}}
	startWebhook(w.t, w.kube, namespace, "configmaps", h)
	w.t.Cleanup(func() { close(h.over) })
	return h
}

func (h *slowWebhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	review := reviewOf(rw, r)
	if review == nil {
		return
	}
	dryRun := review.Request.DryRun != nil && *review.Request.DryRun
	switch {
	case !dryRun:
		h.wait(&h.waitingWrites)
		h.answer(review.Request.Name)
	case strings.HasPrefix(review.Request.Name, "dry"):
		h.wait(&h.waiting)
	}
	answerReview(rw, review, "")
}

func (h *slowWebhook) wait(count *atomic.Int64) {
	count.Add(1)
	defer count.Add(-1)
	select {
	case <-h.over:
	case <-time.After(9 * time.Second):
	}
}

// answer notes that a write is allowed; its name is that of the turn and a number.
func (h *slowWebhook) answer(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	turn := name[:max(0, strings.LastIndex(name, "-"))]
	if h.answered[turn] == nil {
		h.answered[turn] = map[string]bool{}
	}
	h.answered[turn][name] = true
}

// ended is of how many turns every write was allowed.
func (h *slowWebhook) ended() (turns int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, names := range h.answered {
		if len(names) >= writesOfATurn {
			turns++
		}
	}
	return turns
}

// writes and dryRuns are how many wait for it now.
func (h *slowWebhook) writes() int64  { return h.waitingWrites.Load() }
func (h *slowWebhook) dryRuns() int64 { return h.waiting.Load() }

// hanging is a Git server that takes every connection and never answers.
type hanging struct {
	address string
	mu      gosync.Mutex
	taken   []net.Conn
}

func hangingServer(t *testing.T) *hanging {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	h := &hanging{address: listener.Addr().String()}
	var running gosync.WaitGroup
	running.Go(func() {
		for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
			h.mu.Lock()
			h.taken = append(h.taken, c)
			h.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
		for _, c := range h.taken {
			_ = c.Close()
		}
	})
	return h
}

// count is how many connections it has taken.
func (h *hanging) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.taken)
}
