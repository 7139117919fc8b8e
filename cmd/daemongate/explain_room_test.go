package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
)

// agent asks for two CPUs. Beside it there is a Deployment that asks for nothing.
const agent = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "registry.local/agent:v1", resources: {requests: {cpu: "2"}}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle}
spec:
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec: {containers: [{name: idle, image: "registry.local/idle:v1"}]}
`

// A node has no room for the agent. explain names the pod whose eviction does the least harm, with its budget; status
// and whoever may not read other namespaces see no such name. Once a person has done what explain says, the rollout
// completes. Then a node's clock goes ahead: the controller reads it, and it is named.
func TestExplainNamesWhatWouldMakeRoom(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 2}) // of 8 CPUs each
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	crowd(t, kube)
	dir := t.TempDir()
	gittest.Commit(t, filepath.Join(dir, "fleet"), "agent.yaml", agent)
	gittest.Write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: platform}
spec:
  source: {url: `+filepath.Join(dir, "fleet")+`, interval: 1s}
  apply: {targetNamespace: platform}
  rollout: {settle: 1s, proof: 0s}
`)
	ended := startController(t, "-f", filepath.Join(dir, "sync.yaml"), "--data-dir", filepath.Join(dir, "data"),
		"--kubeconfig", cluster.Kubeconfig)

	text := awaitTold(t, cluster.Kubeconfig, "explain", "room:  on node-001")
	t.Log(text)
	offered := regexp.MustCompile(`web/(shop-\S+) +frees cpu 5 +Deployment shop \(2 replicas\): another one is made.* PodDisruptionBudget shop allows 1`).FindStringSubmatch(text)
	if offered == nil || strings.Contains(text, "web/bare") {
		t.Fatal("the least harm is not offered")
	}
	if !strings.Contains(text, "node-001: asks for cpu 2, 1 of 8 is free, short by 1") {
		t.Error("the shortfall is not said")
	}
	if text := awaitTold(t, cluster.Kubeconfig, "status", "Unschedulable"); strings.Contains(text, "web/") {
		t.Errorf("status: %s", text)
	}
	if text = awaitTold(t, asAda(t, cluster, kube, dir), "explain",
		"which of its other pods could make room is not known (pods is forbidden"); strings.Contains(text, "web/") {
		t.Error(text)
	}

	cordon := []byte(`{"spec":{"unschedulable":true}}`) // whatever its kubelet writes meanwhile
	_, err = kube.CoreV1().Nodes().Patch(t.Context(), "node-001", types.MergePatchType, cordon, metav1.PatchOptions{})
	check(t, err)
	check(t, kube.CoreV1().Pods("web").Delete(t.Context(), offered[1], metav1.DeleteOptions{}))
	client, err := dynamic.NewForConfig(cluster.Config)
	check(t, err)
	waitComplete(t, sync.NewSyncs(client), ended)
	setAhead(t, kube, filepath.Join(dir, "fleet"))
	text = awaitTold(t, cluster.Kubeconfig, "explain", "ClockSkew on node-")
	t.Log(text)
	if !strings.Contains(text, "\nDeployment platform/idle\n\nComplete: Deployment platform/idle is ready.\n") {
		t.Error("the Deployment is not told of")
	}
	if !strings.Contains(text, "clock was ahead by about ") || !strings.Contains(text, "and is right by now") {
		t.Error("what the node's clock says now is not said")
	}
	awaitTold(t, cluster.Kubeconfig, "status", "ClockSkew")
}

// setAhead pushes a commit with minReadySeconds, and plays a kubelet that dates its new pod's readiness by a clock that
// is ten minutes ahead, and is set right after that.
func setAhead(t *testing.T, kube kubernetes.Interface, repo string) {
	t.Helper()
	gittest.Commit(t, repo, "agent.yaml", strings.Replace(strings.Replace(agent, "agent:v1", "agent:v2", 1), "spec:\n",
		"spec:\n  minReadySeconds: 10\n", 1))
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		pods, err := kube.CoreV1().Pods("platform").List(t.Context(), metav1.ListOptions{})
		check(t, err)
		for _, p := range pods.Items {
			i := slices.IndexFunc(p.Status.Conditions,
				func(c corev1.PodCondition) bool {
					return c.Type == corev1.PodReady &&
						c.Status == corev1.ConditionTrue
				})
			if !strings.HasSuffix(p.Spec.Containers[0].Image, ":v2") || i < 0 {
				continue
			}
			p.Status.Conditions[i].LastTransitionTime = metav1.NewTime(time.Now().Add(10 * time.Minute))
			if _, err := kube.CoreV1().Pods("platform").UpdateStatus(t.Context(), &p,
				metav1.UpdateOptions{}); err == nil {
				return // else somebody else wrote it just now
			}
		}
		if time.Now().After(end) {
			t.Fatal("no new pod became Ready")
		}
	}
}

// crowd fills node-001 up to one CPU, with a pod that nothing owns and with one of two replicas that have a budget.
func crowd(t *testing.T, kube kubernetes.Interface) {
	t.Helper()
	for _, namespace := range []string{"web", "platform"} {
		_, err := kube.CoreV1().Namespaces().Create(t.Context(),
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
		check(t, err)
	}
	asks := func(cpu string) []corev1.Container {
		return []corev1.Container{{Name: "web", Image: "registry.local/web:v1",
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}}}
	}
	_, err := kube.CoreV1().Pods("web").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bare"},
		Spec: corev1.PodSpec{NodeName: "node-001", Containers: asks("2")}}, metav1.CreateOptions{})
	check(t, err)
	two, one := int32(2), intstr.FromInt32(1)
	labels := map[string]string{"app": "shop"}
	_, err = kube.AppsV1().Deployments("web").Create(t.Context(),
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "shop"},
			Spec: appsv1.DeploymentSpec{Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec: corev1.PodSpec{Containers: asks("5")}}}}, metav1.CreateOptions{})
	check(t, err)
	_, err = kube.PolicyV1().PodDisruptionBudgets("web").Create(t.Context(),
		&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "shop"},
			Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &one,
				Selector: &metav1.LabelSelector{MatchLabels: labels}}}, metav1.CreateOptions{})
	check(t, err)
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		b, err := kube.PolicyV1().PodDisruptionBudgets("web").Get(t.Context(), "shop", metav1.GetOptions{})
		check(t, err)
		if b.Status.DisruptionsAllowed == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the budget allows nothing: %+v", b.Status)
		}
	}
}

// awaitTold waits until explain or status says something of the Sync: the controller and the command see the cluster
// each at their own pace. It returns all that is said then.
func awaitTold(t *testing.T, kubeconfig, command, want string) (text string) {
	t.Helper()
	clustertest.Until(t, 2*time.Minute, fmt.Sprintf("%s to say %q", command, want), func() (string, bool) {
		r := daemongate(t, "", command, "agents", "-n", "platform", "--kubeconfig", kubeconfig)
		text = r.stdout
		return r.stdout + r.stderr, strings.Contains(text, want)
	})
	return text
}

// asAda is a kubeconfig of somebody who may read the namespace of the agents and the nodes, and nothing else.
func asAda(t *testing.T, cluster *clustertest.Cluster, kube kubernetes.Interface, dir string) string {
	t.Helper()
	meta := metav1.ObjectMeta{Name: "ada", Namespace: "platform"}
	subjects := []rbacv1.Subject{{Kind: "User", Name: "ada", APIGroup: rbacv1.GroupName}}
	reads := []string{"get", "list", "watch"}
	_, err := kube.RbacV1().ClusterRoles().Create(t.Context(),
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "ada"},
			Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: reads}}},
		metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().ClusterRoleBindings().Create(t.Context(),
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "ada"},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "ada"}, Subjects: subjects},
		metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().Roles("platform").Create(t.Context(), &rbacv1.Role{ObjectMeta: meta,
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"", "apps", "daemongate.io"}, Resources: []string{"*"},
			Verbs: reads}}}, metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().RoleBindings("platform").Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "ada"}, Subjects: subjects},
		metav1.CreateOptions{})
	check(t, err)
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig)
	check(t, err)
	for _, user := range config.AuthInfos {
		user.Impersonate = "ada"
	}
	path := filepath.Join(dir, "ada")
	check(t, clientcmd.WriteToFile(*config, path))
	return path
}
