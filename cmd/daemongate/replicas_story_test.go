package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What install installs are two controllers on two nodes, and a new version of them comes to an end. As they are
// installed, with the rights of their account, one works and the other one is ready and stands by. A webhook wakes the
// one that works, whichever gets it. When that one is killed in the middle of a rollout the other one goes on, and
// nothing is applied a second time; when it is told to stop, the next one goes on at once, and knows what was pushed
// meanwhile.
func TestTwoInstalledControllersAreAsGoodAsOne(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 3})
	installs(t, cluster)
	w := newLeaseWorldOn(t, cluster, "platform")
	isRolledOut(t, w.kube, "example.com/daemongate:v1")
	installs(t, cluster, "--image", "example.com/daemongate:v2")
	isRolledOut(t, w.kube, "example.com/daemongate:v2")
	w.hookedSync()
	v1 := w.push("v1")
	config := tokenConfig(t, cluster, w.kube, w.dir)

	first, atFirst := w.replica("first", config)
	w.isReady(atFirst, "ok\n")
	second, atSecond := w.replica("second", config)
	w.isReady(atSecond, "standing by: ")
	w.waitState(v1, api.Complete)
	v2 := w.pushNeeding("v2", "go")
	w.wake(atSecond)
	w.waitState(v2, api.RollingOut)

	check(t, first.process.Kill())
	<-first.ended
	if code, retry := w.hook(atSecond); code != http.StatusServiceUnavailable || retry == "" {
		t.Errorf("a webhook that nobody can take is answered %d, Retry-After %q", code, retry)
	}
	second.waitSays(t, time.Minute, fmt.Sprintf("process %d on %s has not renewed it for 15s", first.process.Pid,
		hostname(t)))
	w.make("go")
	w.waitState(v2, api.Complete)
	w.isReady(atSecond, "ok\n")

	third, atThird := w.replica("third", config)
	w.isReady(atThird, "standing by: ")
	v3 := w.push("v3")
	check(t, second.process.Signal(syscall.SIGTERM))
	if err := <-second.ended; err != nil {
		t.Errorf("who was asked to stop ended with %v", err)
	}
	third.waitSays(t, leaseTime, fmt.Sprintf("process %d on %s let it go", second.process.Pid, hostname(t)))
	w.waitState(v3, api.Complete)
	w.hasGeneration(3)
}

// isRolledOut waits until an image of the controller is rolled out, as `kubectl rollout status` judges it: with at least
// one that is available all the while, and in the end with one on each of two nodes, of which one may be evicted.
func isRolledOut(t *testing.T, kube kubernetes.Interface, image string) {
	t.Helper()
	const namespace = "daemongate-system"
	clustertest.Until(t, 2*time.Minute, "both controllers to be of "+image, func() (string, bool) {
		d, err := kube.AppsV1().Deployments(namespace).Get(t.Context(), "daemongate", metav1.GetOptions{})
		check(t, err)
		s := d.Status
		if image != "example.com/daemongate:v1" && s.AvailableReplicas < 1 {
			t.Errorf("none is available while they are replaced: %+v", s)
		}
		return fmt.Sprintf("%+v", s), controllerOf(d).Image == image && s.ObservedGeneration >= d.Generation &&
			s.UpdatedReplicas == 2 && s.Replicas == 2 && s.AvailableReplicas == 2
	})
	pods, err := kube.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	check(t, err)
	nodes := map[string]bool{}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			nodes[pod.Spec.NodeName] = true
		}
	}
	if len(nodes) != 2 {
		t.Errorf("they run on the nodes %v", nodes)
	}
	clustertest.Until(t, time.Minute, "the budget to let one be evicted", func() (string, bool) {
		b, err := kube.PolicyV1().PodDisruptionBudgets(namespace).Get(t.Context(), "daemongate", metav1.GetOptions{})
		check(t, err)
		return fmt.Sprintf("%+v", b.Status), b.Status.DisruptionsAllowed == 1
	})
}

// hookedSync makes the world's Sync as a tenant does, with an account and a webhook of its own; only that wakes it.
func (w *leaseWorld) hookedSync() {
	w.t.Helper()
	deployer(w.t, w.kube, w.namespace)
	_, err := w.kube.CoreV1().Secrets(w.namespace).Create(w.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "hook"}, StringData: map[string]string{"secret": "s3cret"}}, metav1.CreateOptions{})
	check(w.t, err)
	path := filepath.Join(w.dir, "sync.yaml")
	gittest.Write(w.t, path, `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: `+w.namespace+`}
spec:
  source: {url: `+filepath.Join(w.dir, "fleet")+`, interval: 1h}
  rollout: {settle: 1s, proof: 1s, after: {ConfigError: 20m}}
  webhook: {provider: GitLab, secretRef: {name: hook}}
  apply: {serviceAccountName: deployer}
`)
	_, err = installSync(w.t.Context(), w.cluster.Config, path, "")
	check(w.t, err)
}

// replica runs a controller as it is installed, but for the places of this machine, and returns where it takes webhooks.
func (w *leaseWorld) replica(name, kubeconfig string) (*member, string) {
	w.t.Helper()
	at := clustertest.FreeAddress(w.t)
	return w.run(name, append(installedArgs(w.t, w.kube), w.advertised(), "--allow-local-repositories",
		"--webhook-address", at, "--kubeconfig", kubeconfig)...), "http://" + at
}

// advertised is the argument by which an installed controller says where it is, of a pod whose address is 127.0.0.1.
func (w *leaseWorld) advertised() string {
	w.t.Helper()
	d, err := w.kube.AppsV1().Deployments("daemongate-system").Get(w.t.Context(), "daemongate", metav1.GetOptions{})
	check(w.t, err)
	c := controllerOf(d)
	for _, arg := range c.Args {
		if !strings.HasPrefix(arg, "--advertise-address=") {
			continue
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil && e.ValueFrom.FieldRef.FieldPath == "status.podIP" {
				arg = strings.ReplaceAll(arg, "$("+e.Name+")", "127.0.0.1")
			}
		}
		return arg
	}
	w.t.Fatalf("an installed controller does not say where it is: %q", c.Args)
	return ""
}

// isReady waits until a controller says that it is ready, and what it does.
func (w *leaseWorld) isReady(at, text string) {
	w.t.Helper()
	clustertest.Until(w.t, time.Minute, "a controller to say "+text, func() (string, bool) {
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, at+"/healthz", http.NoBody)
		check(w.t, err)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err.Error(), false // it does not serve yet
		}
		check(w.t, answer.Body.Close())
		code, said := ask(w.t, at+"/readyz")
		return fmt.Sprint(code, " ", said), code == http.StatusOK && strings.HasPrefix(said, text)
	})
}

// hook sends the webhook of a push to a controller.
func (w *leaseWorld) hook(at string) (code int, retryAfter string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, at+"/hooks/"+w.namespace+"/agents",
		strings.NewReader(`{"ref":"refs/heads/main"}`))
	check(w.t, err)
	r.Header.Set("X-Gitlab-Event", "Push Hook")
	r.Header.Set("X-Gitlab-Token", "s3cret")
	answer, err := http.DefaultClient.Do(r)
	check(w.t, err)
	check(w.t, answer.Body.Close())
	return answer.StatusCode, answer.Header.Get("Retry-After")
}

// wake sends webhooks to a controller until one is taken.
func (w *leaseWorld) wake(at string) {
	w.t.Helper()
	clustertest.Until(w.t, time.Minute, "a webhook to be taken", func() (string, bool) {
		code, _ := w.hook(at)
		return fmt.Sprint(code), code == http.StatusAccepted
	})
}
