package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What install installs is enough to roll out a commit, and not more than what a Sync's own account may do is written:
// the controller runs with its account's token and as its Deployment says, and the Sync names an account that has the
// rights which the README says, in its namespace alone.
func TestInstalledRightsSuffice(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 3})
	if r := daemongate(t, "", "install", "--image", "example.com/daemongate:v1", "--kubeconfig",
		cluster.Kubeconfig); r.code != 0 {
		t.Fatalf("install: exit code %d, %s", r.code, r.stderr)
	}
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	isRestricted(t, kube)
	deployer(t, kube, "platform")
	dir := t.TempDir()
	client := installedRollsOut(t, cluster, kube, dir)
	readsWell(t, cluster.Kubeconfig)
	leavesWell(t, client, kube)
}

// installedRollsOut has the installed controller roll out the agent of a Sync, until that is Complete.
func installedRollsOut(t *testing.T, cluster *clustertest.Cluster, kube kubernetes.Interface, dir string) dynamic.Interface {
	t.Helper()
	pushAgent(t, dir)
	gittest.Write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: platform}
spec:
  source: {url: `+filepath.Join(dir, "fleet")+`, interval: 1s}
  rollout: {settle: 1s, proof: 0s}
  apply: {serviceAccountName: deployer}
`)
	_, err := installSync(t.Context(), cluster.Config, filepath.Join(dir, "sync.yaml"), "")
	check(t, err)
	ended := startController(t, append(installedArgs(t, kube), "--allow-local-repositories",
		"--data-dir", filepath.Join(dir, "data"), "--kubeconfig", tokenConfig(t, cluster, kube, dir))...)
	client, err := dynamic.NewForConfig(cluster.Config)
	check(t, err)
	waitComplete(t, sync.NewSyncs(client), ended)
	return client
}

// Daemongate is installed in a namespace of its own, and whoever names another one is told so.
func TestInstallRefusesAnotherNamespace(t *testing.T) {
	for namespace, want := range map[string]int{"foo": 2, "daemongate-system": 0} {
		r := daemongate(t, "", "install", "--image", "i", "--export", "-n", namespace)
		if says := strings.Contains(r.stderr, "Daemongate is installed in namespace daemongate-system"); r.code != want ||
			says != (want == 2) {
			t.Errorf("install -n %s: exit code %d, %s", namespace, r.code, r.stderr)
		}
	}
}

// What would go into the manifests and cannot be is refused before anything is written, with the flag to change.
func TestInstallRefusesWhatIsNoValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--image", "a b"}, `--image "a b": want the name of an image`},
		{[]string{"--image", "a\n        command: [sh]"}, "--image"},
		{[]string{"--image", "https://registry.example.com/a"}, "--image"},
		{[]string{"--image", "i", "--cluster-name", `a"b`}, "--cluster-name"},
		{[]string{"--image", "i", "--namespaces", "a\nb"}, "want one line, with commas"},
		{[]string{"--image", "i", "--namespaces", ""}, "--namespaces names none"},
		{[]string{"--image", "i", "--request-cpu", `1"`}, "--request-cpu"},
	} {
		folder := filepath.Join(t.TempDir(), "out")
		for _, as := range [][]string{{"--export"}, {"--export", folder}, {"--export-chart", folder}} {
			r := daemongate(t, "", slices.Concat([]string{"install"}, c.args, as)...)
			if _, err := os.Stat(folder); r.code != 2 || !strings.Contains(r.stderr, c.says) || r.stdout != "" || err == nil {
				t.Errorf("install %q: exit code %d, %s%s", slices.Concat(c.args, as), r.code, r.stdout, r.stderr)
			}
		}
	}
}

// Where no cluster answers it is said once, for all objects together, and in no other words than the program's own.
func TestACommandKeepsNoLog(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "kubeconfig")
	gittest.Write(t, config, `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: a}}],
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]}`)
	program, err := os.Executable()
	check(t, err)
	for args, lines := range map[string]int{"install --image i": 1, "uninstall": 1, "check": 1, "get": 1} {
		c := exec.CommandContext(t.Context(), program, append(strings.Fields(args), "--kubeconfig", config)...)
		c.Env = append(os.Environ(), asProcess+"=1")
		said, err := c.CombinedOutput()
		if err == nil || strings.Count(string(said), "\n") > lines || !strings.HasPrefix(string(said), "daemongate: ") ||
			!strings.Contains(string(said), "connection refused") {
			t.Errorf("%s: %v\n%s", args, err, said)
		}
	}
	for _, where := range []string{"--export", "--export-chart"} { // an empty variable installs nothing
		r := daemongate(t, "", "install", "--image", "i", "--kubeconfig", config, where, "")
		if r.code != 2 || !strings.Contains(r.stderr, "the folder to export to has no name") {
			t.Errorf("install %s '': exit code %d, %s%s", where, r.code, r.stdout, r.stderr)
		}
	}
	for _, flag := range []string{"--kubeconfig=/nowhere", "--context=nope"} {
		if r := daemongate(t, "", "version", flag); r.code != 0 || !strings.Contains(r.stderr, "is not known: no cluster") {
			t.Errorf("version %s: exit code %d, %s%s", flag, r.code, r.stdout, r.stderr)
		}
	}
}

// A kustomize base that install has written is rendered to the objects that install prints, and a chart has a file for
// Helm. Either is written again in its place, and never over what somebody else has there.
func TestInstallIsExportedToFolders(t *testing.T) {
	dir := t.TempDir()
	exports := func(code int, args ...string) result {
		t.Helper()
		r := daemongate(t, "", append([]string{"install", "--image", "i"}, args...)...)
		if r.code != code {
			t.Fatalf("install %q: exit code %d, %s", args, r.code, r.stderr)
		}
		return r
	}
	base, chart := filepath.Join(dir, "base"), filepath.Join(dir, "chart")
	exports(0, "--export", base)
	exports(0, "--export", base, "--http")
	exports(0, "--export-chart", chart)
	exports(0, "--export-chart", chart)
	r := daemongate(t, "", "render", base)
	want := sortedDocuments(exports(0, "--export", "--http").stdout)
	if got := sortedDocuments(r.stdout); r.code != 0 || !slices.Equal(got, want) {
		t.Errorf("rendered, the base is another set: exit code %d, %s\n%q\n%q", r.code, r.stderr, got, want)
	}
	for folder, known := range map[string]string{base: "kustomization.yaml", chart: "Chart.yaml"} {
		gittest.Write(t, filepath.Join(folder, known), "theirs: true\n")
	}
	exports(1, "--export", base)
	exports(1, "--export-chart", chart)
	exports(2, base)
	exports(2, "--export", "--export-chart", chart)
}

// sortedDocuments are the objects of a YAML text, as JSON.
func sortedDocuments(text string) (documents []string) {
	for one := range strings.SplitSeq(text, "---\n") {
		if as, err := yaml.YAMLToJSON([]byte(one)); err == nil && string(as) != "null" {
			documents = append(documents, string(as))
		}
	}
	slices.Sort(documents)
	return documents
}

// leavesWell deletes the Sync: the installed rights are enough to let go of what it has written, and of the Sync.
func leavesWell(t *testing.T, client dynamic.Interface, kube kubernetes.Interface) {
	t.Helper()
	syncs := client.Resource(api.Resource).Namespace("platform")
	check(t, syncs.Delete(t.Context(), "agents", metav1.DeleteOptions{}))
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		u, err := syncs.Get(t.Context(), "agents", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			break
		}
		if check(t, err); time.Now().After(end) {
			t.Fatalf("the Sync is still there: %v", u.Object["status"])
		}
	}
	d, err := kube.AppsV1().DaemonSets("platform").Get(t.Context(), "agent", metav1.GetOptions{})
	check(t, err)
	if owner := d.Labels[manifests.OwnerLabel]; owner != "" {
		t.Errorf("what it has written still belongs to %s", owner)
	}
}

// isRestricted holds that the namespace of the controller takes its pod, and no pod that may do more.
func isRestricted(t *testing.T, kube kubernetes.Interface) {
	t.Helper()
	const namespace = "daemongate-system"
	d, err := kube.AppsV1().Deployments(namespace).Get(t.Context(), "daemongate", metav1.GetOptions{})
	check(t, err)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "like-the-controller"}, Spec: d.Spec.Template.Spec}
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	if _, err := kube.CoreV1().Pods(namespace).Create(t.Context(), pod, dryRun); err != nil {
		t.Errorf("the controller's pod: %v", err)
	}
	root := pod.DeepCopy()
	root.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil
	if _, err := kube.CoreV1().Pods(namespace).Create(t.Context(), root, dryRun); err == nil ||
		!strings.Contains(err.Error(), "restricted") {
		t.Errorf("a pod that may do more: %v", err)
	}
}

// readsWell asks every reading command about the Sync.
func readsWell(t *testing.T, kubeconfig string) {
	t.Helper()
	for _, story := range []struct {
		args []string
		want string
	}{
		{[]string{"get", "-A"}, "Complete"},
		{[]string{"get", "-o", "json"}, `"state": "Complete"`},
		{[]string{"status", "agents"}, "Complete, 3 of 3 nodes settled, 3 updated"},
		{[]string{"log", "agents"}, "Complete"},
		{[]string{"explain", "agents"}, "daemon set \"agent\" successfully rolled out"},
		{[]string{"explain", "agents", "-o", "yaml"}, "verdict: Complete"},
		{[]string{"sync", "agents"}, "asked for Sync platform/agents"},
	} {
		r := daemongate(t, "", append(story.args, "-n", "platform", "--kubeconfig", kubeconfig)...)
		if r.code != 0 || !strings.Contains(r.stdout, story.want) {
			t.Errorf("%v: exit code %d, there is no %q in\n%s%s", story.args, r.code, story.want, r.stdout, r.stderr)
		}
	}
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Second) { // until it has pruned, which may wait
		r := daemongate(t, "", "release", "agents", "-n", "platform", "--kubeconfig", kubeconfig)
		if r.code == 1 && strings.Contains(r.stderr, "there is nothing to release") {
			break
		}
		if time.Now().After(end) {
			t.Errorf("release of a complete commit: exit code %d, %s%s", r.code, r.stdout, r.stderr)
			break
		}
	}
	if r := daemongate(t, "", "status", "nobody", "-n", "platform", "--kubeconfig", kubeconfig); r.code != 1 ||
		!strings.Contains(r.stderr, "Sync platform/nobody") {
		t.Errorf("status of a Sync that is not there: exit code %d, %s", r.code, r.stderr)
	}
}

// pushAgent makes a repository with a DaemonSet.
func pushAgent(t *testing.T, dir string) {
	t.Helper()
	gittest.Commit(t, filepath.Join(dir, "fleet"), "agent.yaml", `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "registry.local/agent:v1"}]}
`)
}

// tokenConfig is a kubeconfig of the installed controller's own account.
func tokenConfig(t *testing.T, cluster *clustertest.Cluster, kube kubernetes.Interface, dir string) string {
	return accountConfig(t, cluster, kube, "daemongate-system", "daemongate", filepath.Join(dir, "kubeconfig"))
}

// accountConfig writes a kubeconfig of a ServiceAccount to a path, and returns the path.
func accountConfig(t *testing.T, cluster *clustertest.Cluster, kube kubernetes.Interface, namespace, name, path string,
) string {
	token, err := kube.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Error(err)
		return ""
	}
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig)
	if err != nil {
		t.Error(err)
		return ""
	}
	for _, user := range config.AuthInfos {
		user.ClientCertificateData, user.ClientKeyData, user.ClientCertificate, user.ClientKey = nil, nil, "", ""
		user.Token = token.Status.Token
	}
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Error(err)
	}
	return path
}

func waitComplete(t *testing.T, syncs *sync.Syncs, ended <-chan error) {
	t.Helper()
	deadline := time.After(3 * time.Minute)
	for {
		s, err := syncs.Get(t.Context(), "platform", "agents")
		check(t, err)
		if s.Status.Summary.State == api.Complete {
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("the controller ended: %v", err)
		case <-deadline:
			t.Fatalf("not Complete after three minutes: %+v", s.Status)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
