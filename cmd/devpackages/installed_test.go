package devpackages

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

var syncs = schema.GroupVersionResource{Group: "daemongate.io", Version: "v1alpha1", Resource: "syncs"}

// world is a cluster in which Daemongate was installed from a package.
type world struct {
	*clustertest.Cluster
	kube   kubernetes.Interface
	client dynamic.Interface
	dir    string
	base   string   // where the webhooks and the probes of the controller that came last are
	scrape []string // where the metrics of each controller are
	limit  int64    // of its memory, in bytes

	scraper string             // the token by which metrics are read
	looks   func(t *testing.T) // is called while a commit is waited for, if somebody watches
	to      *receiver          // of the notifications
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Cluster: clustertest.Start(t, clustertest.Options{Nodes: 3}), dir: t.TempDir()}
	var err error
	w.kube, err = kubernetes.NewForConfig(w.Config)
	check(t, err)
	w.client, err = dynamic.NewForConfig(w.Config)
	check(t, err)
	return w
}

// rollsOut runs the controller as the installed Deployment says, with its account's rights and its limit of memory, until
// it says that it is ready, and until it has rolled out a commit. It stops when the test ends.
func (w *world) rollsOut(t *testing.T) {
	t.Helper()
	first := w.tenant(t)
	w.runs(t)
	w.isReady(t)
	w.comesTo(t, first, api.Complete)
}

// takes holds that the container asks for so much, and may take so much memory. No time of a processor is denied to it,
// since that would hold up a brake.
func (w *world) takes(t *testing.T, cpu, memory, limit string) {
	t.Helper()
	d, err := w.kube.AppsV1().Deployments(system).Get(t.Context(), "daemongate", metav1.GetOptions{})
	check(t, err)
	r := d.Spec.Template.Spec.Containers[0].Resources
	_, limited := r.Limits[corev1.ResourceCPU]
	if got := []string{r.Requests.Cpu().String(), r.Requests.Memory().String(), r.Limits.Memory().String()}; limited ||
		!slices.Equal(got, []string{cpu, memory, limit}) {
		t.Errorf("the container has %q, and a limit of processor time: %t", got, limited)
	}
}

// isReady waits until the controller that came last says that it can do its work, or could take over.
func (w *world) isReady(t *testing.T) {
	t.Helper()
	clustertest.Until(t, 3*time.Minute, "the controller to be ready", func() (string, bool) {
		r, err := http.Get(w.base + "/readyz")
		if err != nil {
			return err.Error(), false
		}
		defer r.Body.Close()
		return r.Status, r.StatusCode == http.StatusOK
	})
}

// status is what the Sync says.
func (w *world) status(t *testing.T) api.SyncStatus {
	t.Helper()
	u, err := w.client.Resource(syncs).Namespace("platform").Get(t.Context(), "agents", metav1.GetOptions{})
	check(t, err)
	var s api.Sync
	check(t, runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &s))
	return s.Status
}

// comesTo waits until a commit has come to a state.
func (w *world) comesTo(t *testing.T, commit string, want api.CommitState) {
	t.Helper()
	clustertest.Until(t, 5*time.Minute, fmt.Sprintf("commit %s to be %s", commit, want), func() (string, bool) {
		if w.looks != nil {
			w.looks(t)
		}
		s := w.status(t)
		return fmt.Sprintf("%+v", s.Summary), slices.ContainsFunc(s.History, func(r api.Record) bool {
			return r.Commit == commit && r.State == want
		}) || want == api.Held && slices.Contains(s.Held.Commits, commit)
	})
}

const namespace = "platform" // of the Sync

// namespace makes the one of the Sync, with the account whose rights it uses.
func (w *world) namespace(t *testing.T) {
	t.Helper()
	_, err := w.kube.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	check(t, err)
	named := metav1.ObjectMeta{Name: "deployer"}
	_, err = w.kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: named},
		metav1.CreateOptions{})
	check(t, err)
	_, err = w.kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: named,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "admin"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "deployer", Namespace: namespace}},
	}, metav1.CreateOptions{})
	check(t, err)
}

// tenant makes a namespace with a Sync and the Secret that says whom it notifies. It returns the first commit.
func (w *world) tenant(t *testing.T) (first string) {
	t.Helper()
	w.namespace(t)
	w.to = newReceiver(t)
	_, err := w.kube.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "chat"}, StringData: map[string]string{"url": w.to.url, "allowHTTP": "true"},
	}, metav1.CreateOptions{})
	check(t, err)
	repository := filepath.Join(w.dir, "fleet")
	first = w.pushes(t, "registry.local/agent:v1")
	for _, u := range objects(t, `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: platform}
spec:
  source: {url: `+repository+`, interval: 1s}
  rollout: {settle: 1s, proof: 0s}
  report: {provider: Notes, notify: {secretRef: {name: chat}}}
  apply: {serviceAccountName: deployer}
`) {
		clustertest.Until(t, time.Minute, "the Sync to be taken", func() (string, bool) {
			_, err := w.client.Resource(syncs).Namespace(namespace).Create(t.Context(), u, metav1.CreateOptions{})
			return fmt.Sprint(err), err == nil
		})
	}
	return first
}

// pushes commits an agent of an image.
func (w *world) pushes(t *testing.T, image string) (commit string) {
	t.Helper()
	return gittest.Commit(t, filepath.Join(w.dir, "fleet"), "agent.yaml", `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "`+image+`"}]}
`)
}

// runs runs a controller until it is stopped, at the latest when the test ends, and holds then that it has kept to its
// limit of memory.
func (w *world) runs(t *testing.T) (stop func()) {
	t.Helper()
	d, err := w.kube.AppsV1().Deployments(system).Get(t.Context(), "daemongate", metav1.GetOptions{})
	check(t, err)
	container := d.Spec.Template.Spec.Containers[0]
	w.limit = container.Resources.Limits.Memory().Value()
	if w.limit == 0 {
		t.Fatal("the container has no limit of memory")
	}
	hooks, metrics := clustertest.FreeAddress(t), clustertest.FreeAddress(t)
	w.base = "http://" + hooks
	w.scrape = append(w.scrape, "http://"+metrics+"/metrics")
	data := filepath.Join(w.dir, fmt.Sprintf("data-%d", len(w.scrape)))
	args := []string{"--allow-local-repositories", "--allow-local-networks", "--data-dir", data,
		"--kubeconfig", w.account(t), "--webhook-address", hooks, "--metrics-address", metrics}
	for _, arg := range container.Args {
		switch name, _, _ := strings.Cut(arg, "="); name {
		case "--data-dir", "--webhook-address", "--metrics-address", "--log-format", "--advertise-address": // of the place
		case "run":
			args = append([]string{arg}, args...)
		default:
			args = append(args, arg)
		}
	}
	ctx, interrupt := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, binary, args...)
	c.Env = append(os.Environ(), fmt.Sprintf("DAEMONGATE_MEMORY_LIMIT=%d", w.limit))
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stdout, c.Stderr = t.Output(), t.Output()
	check(t, c.Start())
	stop = sync.OnceFunc(func() {
		interrupt()
		_ = c.Wait() // it was interrupted
		if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok && u.Maxrss<<10 > w.limit {
			t.Errorf("the controller has taken %d MiB, and may take %d", u.Maxrss>>10, w.limit>>20)
		}
	})
	t.Cleanup(stop)
	return stop
}

// token is one of an installed ServiceAccount.
func (w *world) token(t *testing.T, name string) string {
	t.Helper()
	token, err := w.kube.CoreV1().ServiceAccounts(system).CreateToken(t.Context(), name,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	check(t, err)
	return token.Status.Token
}

// account is a kubeconfig of the ServiceAccount with which the installed controller runs.
func (w *world) account(t *testing.T) string {
	t.Helper()
	token := w.token(t, "daemongate")
	config, err := clientcmd.LoadFromFile(w.Kubeconfig)
	check(t, err)
	for _, user := range config.AuthInfos {
		user.ClientCertificateData, user.ClientKeyData, user.ClientCertificate, user.ClientKey = nil, nil, "", ""
		user.Token = token
	}
	path := filepath.Join(w.dir, "kubeconfig")
	check(t, clientcmd.WriteToFile(*config, path))
	return path
}
