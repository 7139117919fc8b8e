package main

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
)

// plainAgent is a DaemonSet that no Sync knows, as somebody's pipeline applies it: without minReadySeconds.
func plainAgent(name, behaviour string) *appsv1.DaemonSet {
	labels := map[string]string{"app": name}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "logging", Labels: map[string]string{"team": "platform"}},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"devcluster.daemongate.io/behaviour": behaviour}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "registry.local/" + name + ":v1"}}},
			},
		},
	}
}

// logging has two DaemonSets on three nodes, of which one is well and one crash-loops, and somebody who may read this
// namespace and nothing else.
func logging(t *testing.T) (admin, reader string) {
	t.Helper()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 3})
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	ctx := t.Context()
	_, err = kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "logging"}}, metav1.CreateOptions{})
	check(t, err)
	for name, behaviour := range map[string]string{"good": "", "bad": "crash"} {
		_, err = kube.AppsV1().DaemonSets("logging").Create(ctx, plainAgent(name, behaviour), metav1.CreateOptions{})
		check(t, err)
	}
	_, err = kube.RbacV1().Roles("logging").Create(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "look"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "daemonsets", "controllerrevisions"}, Verbs: []string{"get", "list", "watch"}}}}, metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().RoleBindings("logging").Create(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "look"},
		RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "look"}, Subjects: []rbacv1.Subject{{Kind: "User", Name: "ada"}}}, metav1.CreateOptions{})
	check(t, err)
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig)
	check(t, err)
	for _, user := range config.AuthInfos {
		user.Impersonate = "ada"
	}
	reader = t.TempDir() + "/ada.yaml"
	check(t, clientcmd.WriteToFile(*config, reader))
	return cluster.Kubeconfig, reader
}

// Whoever may read one namespace learns, without an installation and without a Sync, which rollouts are complete and what
// ails the others: a crash loop is never called rolled out, whatever the DaemonSet's own counters say.
func TestLiveDaemonSetsAreJudgedWithoutASync(t *testing.T) {
	admin, reader := logging(t)
	as := func(kubeconfig string, args ...string) result {
		return daemongate(t, "", append(args, "-n", "logging", "--kubeconfig", kubeconfig)...)
	}

	r := as(admin, "rollout", "status", "ds/good", "--proof", "2s", "--settle", "1s", "--timeout", "3m")
	if r.code != 0 || !strings.Contains(r.stdout, `daemon set "good" successfully rolled out`) {
		t.Errorf("the good one: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = as(admin, "rollout", "status", "daemonset/bad", "--timeout", "3m")
	for _, want := range []string{"CrashLoop", "node-[001-003]", "do:", "logs bad-"} {
		if r.code != 3 || !strings.Contains(r.stdout, want) {
			t.Errorf("the bad one, %s: exit code %d\n%s%s", want, r.code, r.stdout, r.stderr)
		}
	}
	r = as(admin, "rollout", "status", "ds/good", "--proof", "1h", "--settle", "1s", "--timeout", "2s")
	if r.code != 4 || !strings.Contains(r.stdout, "gave up after 2s") || !strings.Contains(r.stdout, "proving") {
		t.Errorf("timeout: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	began := time.Now()
	if r = as(admin, "rollout", "status", "ds/good", "--proof", "1h", "--watch=false"); r.code != 0 || time.Since(began) > time.Minute {
		t.Errorf("one look: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}

	for name, kubeconfig := range map[string]string{"admin": admin, "reader": reader} {
		r = as(kubeconfig, "explain", "ds/bad", "ds/good")
		t.Logf("%s:\n%s", name, r.stdout)
		if r.code != 3 || !strings.Contains(r.stdout, "CrashLoop") || !strings.Contains(r.stdout, "DaemonSet logging/good") {
			t.Errorf("%s: exit code %d\n%s%s", name, r.code, r.stdout, r.stderr)
		}
		if poorer := strings.Contains(r.stdout, "without nodes, events"); poorer != (name == "reader") {
			t.Errorf("%s: told what is not known: %v", name, poorer)
		}
	}
	if r = as(reader, "explain", "-l", "team=platform"); r.code != 3 || !strings.Contains(r.stdout, "logging/good") {
		t.Errorf("by label: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r = as(admin, "explain", "-A"); r.code != 3 || !strings.Contains(r.stdout, "logging/good") {
		t.Errorf("everywhere: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r = as(reader, "explain", "-A"); r.code != 1 || !strings.Contains(r.stderr, "DaemonSets of the cluster") || !strings.Contains(r.stderr, "forbidden") {
		t.Errorf("everywhere without rights: exit code %d\n%s", r.code, r.stderr)
	}
	if r = as(reader, "explain", "ds/nothing"); r.code != 1 || !strings.Contains(r.stderr, "DaemonSet logging/nothing: does not exist") {
		t.Errorf("one that is not there: exit code %d\n%s", r.code, r.stderr)
	}
}

// What is no DaemonSet is misuse, which says how to write one.
func TestDaemonSetsAreNamedAsKubectlHasIt(t *testing.T) {
	for args, says := range map[string]string{
		"rollout status":                     "name a DaemonSet: ds/NAME",
		"rollout status deploy/web":          "deploy/web: is no DaemonSet",
		"rollout status agent":               "agent: is no DaemonSet: write ds/NAME",
		"rollout status ds/agent -l a=b":     "not both",
		"explain ds/agent node-agents":       "node-agents: is no DaemonSet",
		"rollout undo ds/agent":              `unknown command "undo"`,
		"rollout status ds/a --timeout soon": "invalid argument",
	} {
		if r := daemongate(t, "", strings.Fields(args)...); r.code != 2 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit code %d: %s", args, r.code, r.stderr)
		}
	}
}

// The bar fits the terminal, and tells nodes, rate and an estimate.
func TestTheBarFitsItsTerminal(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var p pace
	p.see(20, began)
	p.see(60, began.Add(5*time.Minute))
	j := rollout.Judgement{Settled: 60, Desired: 120}
	if got, want := bar(j, p, 100), "["+strings.Repeat("#", 20)+strings.Repeat(".", 20)+"] 60/120 nodes settled, 8/min, about 8 min left"; got != want {
		t.Errorf("%s\n%s", got, want)
	}
	if got := bar(j, pace{}, 80); !strings.HasSuffix(got, "] 60/120 nodes settled") {
		t.Error(got)
	}
	for width := range 120 {
		if got := bar(j, p, width); len(got) >= max(width, 1) {
			t.Errorf("%d columns: %q", width, got)
		}
	}
}
