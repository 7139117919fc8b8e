package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// plannedAgent asks for a cpu, a level from a ConfigMap and a token from a Secret.
const plannedAgent = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: planned}
spec:
  minReadySeconds: 1
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
      - name: agent
        image: registry.local/agent:v1
        resources: {requests: {cpu: "1"}}
        ports: [{containerPort: 9100}]
        livenessProbe: {httpGet: {path: /healthz, port: 9100}}
        startupProbe: {grpc: {port: 9101}, failureThreshold: 30}
        lifecycle: {preStop: {exec: {command: [sleep, "1"]}}}
        volumeMounts: [{name: run, mountPath: /run/agent}, {name: all, mountPath: /etc/agent}]
        env:
        - {name: LEVEL, valueFrom: {configMapKeyRef: {name: agent, key: level}}}
        - {name: TOKEN, valueFrom: {secretKeyRef: {name: token, key: token}}}
        - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
      volumes:
      - {name: run, hostPath: {path: /run/agent}}
      - name: all
        projected:
          sources:
          - {configMap: {name: agent}}
          - {serviceAccountToken: {path: token}}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: planned}
stringData: {password: s3cr3t}
`

// planned is a folder with the agent, a cluster on which it runs, and one node of which is nearly full.
type planned struct {
	t          *testing.T
	kube       kubernetes.Interface
	kubeconfig string
	dir        string
}

func newPlanned(t *testing.T) *planned {
	t.Helper()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 3}) // of its own: nobody else may fill its nodes
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	p := &planned{t: t, kube: kube, kubeconfig: cluster.Kubeconfig, dir: t.TempDir()}
	_, err = kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "planned"}}, metav1.CreateOptions{})
	check(t, err)
	gittest.Commit(t, p.dir, "agent.yaml", plannedAgent)
	return p
}

// plan runs the command, by somebody.
func (p *planned) plan(kubeconfig, args string) result {
	p.t.Helper()
	r := daemongate(p.t, "", append(strings.Fields("plan "+p.dir+" --worktree --kubeconfig "+kubeconfig),
		strings.Fields(args)...)...)
	for _, secret := range []string{"s3cr3t", "czNjcjN0"} {
		if strings.Contains(r.stdout+r.stderr, secret) {
			p.t.Errorf("plan %s tells a Secret's value:\n%s%s", args, r.stdout, r.stderr)
		}
	}
	return r
}

// says runs the command and wants an exit code and texts in its answer.
func (p *planned) says(args string, code int, wants ...string) string {
	p.t.Helper()
	r := p.plan(p.kubeconfig, args)
	flat := strings.Join(strings.Fields(r.stdout), " ")
	for _, want := range wants {
		if !strings.Contains(flat, want) {
			p.t.Errorf("plan %s: %q is not in\n%s%s", args, want, r.stdout, r.stderr)
		}
	}
	if r.code != code {
		p.t.Errorf("plan %s: exit code %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
	return r.stdout
}

// run makes what the agent needs and the agent, waits for its pods, and fills the first node but for 500m.
func (p *planned) run() (full string) {
	p.t.Helper()
	ctx := p.t.Context()
	_, err := p.kube.CoreV1().ConfigMaps("planned").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "agent"}, Data: map[string]string{"level": "info"}}, metav1.CreateOptions{})
	check(p.t, err)
	_, err = p.kube.CoreV1().Secrets("planned").Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "token"},
		Data: map[string][]byte{"token": []byte("s3cr3t")}}, metav1.CreateOptions{})
	check(p.t, err)
	d := &appsv1.DaemonSet{}
	first, _, _ := strings.Cut(plannedAgent, "---")
	check(p.t, yaml.Unmarshal([]byte(first), d))
	_, err = p.kube.AppsV1().DaemonSets("planned").Create(ctx, d, metav1.CreateOptions{FieldManager: "kubectl-create"})
	check(p.t, err)
	clustertest.Until(p.t, 2*time.Minute, "a pod on every node", func() (string, bool) {
		d, err := p.kube.AppsV1().DaemonSets("planned").Get(ctx, "agent", metav1.GetOptions{})
		check(p.t, err)
		return d.Status.String(), d.Status.NumberReady == 3
	})
	full = "node-001"
	rest := resource.MustParse("6500m") // of 8, of which the agent has one
	_, err = p.kube.CoreV1().Pods("default").Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "filler"},
		Spec: corev1.PodSpec{NodeName: full, Containers: []corev1.Container{{Name: "c", Image: "registry.local/c:v1",
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: rest}}}}}},
		metav1.CreateOptions{})
	check(p.t, err)
	return full
}

// ask has the agent in the work tree ask for so much cpu.
func (p *planned) ask(cpu string) {
	gittest.Write(p.t, filepath.Join(p.dir, "agent.yaml"), strings.Replace(plannedAgent, `cpu: "1"`, "cpu: "+cpu, 1))
}

// dump writes what kubectl get -o json would.
func (p *planned) dump() string {
	p.t.Helper()
	ctx, all := p.t.Context(), metav1.ListOptions{}
	var items []runtime.Object
	nodes, err := p.kube.CoreV1().Nodes().List(ctx, all)
	check(p.t, err)
	pods, err := p.kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, all)
	check(p.t, err)
	daemonSets, err := p.kube.AppsV1().DaemonSets(metav1.NamespaceAll).List(ctx, all)
	check(p.t, err)
	configs, err := p.kube.CoreV1().ConfigMaps(metav1.NamespaceAll).List(ctx, all)
	check(p.t, err)
	secrets, err := p.kube.CoreV1().Secrets("planned").List(ctx, all)
	check(p.t, err)
	for i := range nodes.Items {
		nodes.Items[i].TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}
		items = append(items, &nodes.Items[i])
	}
	for i := range pods.Items {
		pods.Items[i].TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		items = append(items, &pods.Items[i])
	}
	for i := range daemonSets.Items {
		daemonSets.Items[i].TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}
		items = append(items, &daemonSets.Items[i])
	}
	for i := range configs.Items {
		configs.Items[i].TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}
		items = append(items, &configs.Items[i])
	}
	for i := range secrets.Items {
		secrets.Items[i].TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}
		items = append(items, &secrets.Items[i])
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	check(p.t, err)
	file := filepath.Join(p.t.TempDir(), "dump.json")
	check(p.t, os.WriteFile(file, text, 0o600))
	return file
}

// A commit is weighed before it is applied: what it needs and is not there, then where it would not fit and by how
// much, by the cluster and by a dump of it alike. Nodes are named in a comment only when asked for, nothing is written,
// and no Secret's value is told.
func TestPlanSaysWhatWouldNotFit(t *testing.T) {
	t.Parallel()
	p := newPlanned(t)
	p.says("", 3, "DaemonSet planned/agent cannot start: ConfigMap planned/agent is missing, and 2 more",
		"Secret planned/token (container agent, env TOKEN)")
	full := p.run()
	before, err := p.kube.AppsV1().DaemonSets("planned").Get(t.Context(), "agent", metav1.GetOptions{})
	check(t, err)
	p.says("", 0, "DaemonSet planned/agent leaves the pods on all 3 nodes as they are")
	p.says("-n planned -f "+p.dump(), 0, "DaemonSet planned/agent leaves the pods on all 3 nodes as they are")
	p.ask("1200m")
	p.says("", 0, "DaemonSet planned/agent fits all 3 nodes")
	p.ask("1700m")
	p.says("", 3, "DaemonSet planned/agent will not fit 1 of 3 nodes: 200m cpu short",
		full+": asks for cpu 1700m, 1500m of 8 is free, short by 200m",
		"does not preempt default/filler (priority 0)", "replaces 3 pods, 1 at a time, in place of the old ones: 3 waves")
	p.says("-n planned -f "+p.dump(), 3, "DaemonSet planned/agent will not fit 1 of 3 nodes: 200m cpu short",
		"the template was weighed")
	if comment := p.says("-o markdown", 3, "1 node: cpu 1700m asked for, short by 200m"); strings.Contains(comment, full) {
		t.Errorf("it names a node:\n%s", comment)
	}
	p.says("-o markdown --nodes", 3, full)
	var answer struct {
		Outcome    string
		DaemonSets []struct{ Admitted bool }
	}
	if err := json.Unmarshal([]byte(p.says("-o json", 3)), &answer); err != nil || answer.Outcome != "WillNotFit" ||
		!answer.DaemonSets[0].Admitted {
		t.Errorf("%v: %+v", err, answer)
	}
	after, err := p.kube.AppsV1().DaemonSets("planned").Get(t.Context(), "agent", metav1.GetOptions{})
	check(t, err)
	if after.Generation != before.Generation || len(after.ManagedFields) != len(before.ManagedFields) {
		t.Errorf("it was written: generation %d, then %d", before.Generation, after.Generation)
	}
	p.volumes()
	p.poorer()
	p.admitted()
	p.refused()
}

// poorer: who may read the namespace alone still gets an answer, which names what is not known.
func (p *planned) poorer() {
	p.t.Helper()
	ctx := p.t.Context()
	_, err := p.kube.RbacV1().Roles("planned").Create(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "pia"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "daemonsets"},
			Verbs: []string{"get", "list"}}}}, metav1.CreateOptions{})
	check(p.t, err)
	_, err = p.kube.RbacV1().RoleBindings("planned").Create(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{
		Name: "pia"}, RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "pia"},
		Subjects: []rbacv1.Subject{{Kind: "User", Name: "pia"}}}, metav1.CreateOptions{})
	check(p.t, err)
	r := p.plan(actingAs(p.t, p.kubeconfig, "pia"), "")
	if r.code != 1 || !strings.Contains(r.stdout, "cannot be weighed: nodes could not be read") ||
		!strings.Contains(r.stdout, "Secret planned/token: whether it is there is not known") ||
		!strings.Contains(r.stdout, "resourcequotas: ") ||
		!strings.Contains(r.stdout, "ResourceQuotas of the namespace: they could not be read") {
		p.t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// refused: what admission would refuse of every pod is found before the rollout stands still.
func (p *planned) refused() {
	p.t.Helper()
	_, err := p.kube.CoreV1().Namespaces().Patch(p.t.Context(), "planned", "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`), metav1.PatchOptions{})
	check(p.t, err)
	p.ask("1200m")
	p.says("", 3, "will be refused by Pod Security: violates PodSecurity")
}
