package main

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// odd are DaemonSets of a namespace of their own.
type odd struct {
	t          *testing.T
	kube       kubernetes.Interface
	kubeconfig string
}

const oddly = "rollouts"

func newOdd(t *testing.T) *odd {
	t.Helper()
	cluster := shared.Start(t)
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	_, err = kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: oddly}}, metav1.CreateOptions{})
	check(t, err)
	return &odd{t, kube, cluster.Kubeconfig}
}

// has a DaemonSet be there, and its pods ready on as many nodes.
func (o *odd) has(name string, ready int32, changes ...func(*appsv1.DaemonSet)) {
	o.t.Helper()
	d := plainAgent(name, "")
	d.Namespace = oddly
	for _, change := range changes {
		change(d)
	}
	_, err := o.kube.AppsV1().DaemonSets(oddly).Create(o.t.Context(), d, metav1.CreateOptions{})
	check(o.t, err)
	clustertest.Until(o.t, 2*time.Minute, name+" to be ready", func() (string, bool) {
		d, err := o.kube.AppsV1().DaemonSets(oddly).Get(o.t.Context(), name, metav1.GetOptions{})
		check(o.t, err)
		return d.Status.String(), d.Status.ObservedGeneration > 0 && d.Status.NumberReady == ready
	})
}

// changes one that is there.
func (o *odd) changes(name, patch string) {
	o.t.Helper()
	_, err := o.kube.AppsV1().DaemonSets(oddly).Patch(o.t.Context(), name, "application/merge-patch+json",
		[]byte(patch), metav1.PatchOptions{})
	check(o.t, err)
}

const crashes = `{"spec":{"template":{"metadata":{"annotations":{"devcluster.daemongate.io/behaviour":"crash"}}}}}`

// status follows one, and wants an exit code and texts. A pod that crashes is Ready for about a second before.
func (o *odd) status(args string, code int, says ...string) {
	o.t.Helper()
	r := daemongate(o.t, "", append(strings.Fields("rollout status --settle 1s --proof 1s --timeout 3m "+args), "-n",
		oddly, "--kubeconfig", o.kubeconfig)...)
	for _, want := range says {
		if !strings.Contains(r.stdout+r.stderr, want) {
			o.t.Errorf("%s: %q\n%s%s", args, want, r.stdout, r.stderr)
		}
	}
	if r.code != code {
		o.t.Errorf("%s: exit code %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
}

func onDelete(d *appsv1.DaemonSet) {
	d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
}

func besideOld(d *appsv1.DaemonSet) {
	d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromInt32(3)),
			MaxUnavailable: new(intstr.FromInt32(0))}}
}

func nowhere(d *appsv1.DaemonSet) {
	d.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "none"}
}

// rollout status ends as documented whatever the update strategy is: 0 where it has taken over, 3 where it never will,
// 1 where there is nothing left to follow. With OnDelete pods that were replaced are waited for, and one that crashes
// is no success because nobody waits for the old ones.
func TestRolloutStatusOfOddRollouts(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.has("stays", 3, onDelete)
	o.changes("stays", crashes)
	o.status("ds/stays", 0, "waits for its old pods to be deleted: 3 of 3 nodes still run them")
	check(t, o.kube.CoreV1().Pods(oddly).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{
		LabelSelector: "app=stays"}))
	clustertest.Until(t, time.Minute, "a new pod", func() (string, bool) {
		d, err := o.kube.AppsV1().DaemonSets(oddly).Get(t.Context(), "stays", metav1.GetOptions{})
		check(t, err)
		return d.Status.String(), d.Status.UpdatedNumberScheduled > 0
	})
	o.status("ds/stays --settle 10s --proof 10s", 3, "CrashLoop")

	o.has("beside", 3, besideOld)
	o.status("ds/beside", 0, "successfully rolled out")
	o.changes("beside", crashes)
	o.status("ds/beside --settle 10s --proof 10s", 3, "CrashLoop")

	o.has("idle", 0, nowhere)
	o.status("ds/idle", 0, "no eligible nodes")
	o.has("leaves", 3)
	o.changes("leaves", `{"spec":{"template":{"spec":{"nodeSelector":{"pool":"none"}}}}}`)
	o.status("ds/leaves", 3, "NoEligibleNodes")

	o.has("ends", 3)
	went := make(chan error, 1)
	go func() {
		time.Sleep(time.Second) // while it is followed, or before: either is told
		went <- o.kube.AppsV1().DaemonSets(oddly).Delete(t.Context(), "ends", metav1.DeleteOptions{})
	}()
	o.status("ds/ends --proof 1h", 1, "DaemonSet rollouts/ends: ")
	check(t, <-went)
}

// An API server that takes connections and never answers is waited for until the timeout, and no longer.
func TestRolloutStatusGivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/kubeconfig"
	check(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"silent": {Server: "http://" + hangingServer(t).address}},
		Contexts:       map[string]*clientcmdapi.Context{"silent": {Cluster: "silent"}},
		CurrentContext: "silent",
	}, path))
	r := daemongate(t, "", "rollout", "status", "ds/agent", "--timeout", "500ms", "--kubeconfig", path)
	if r.code != 4 || !strings.Contains(r.stdout, "gave up after 500ms: the API server has not answered") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}
