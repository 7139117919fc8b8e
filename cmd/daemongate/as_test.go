package main

import (
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/gitsource/gittest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Every command that asks a cluster in somebody's name asks in another's where the flags say so, as kubectl does.
func TestEveryCommandTakesAs(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		f := c.Flags()
		asks := f.Lookup("kubeconfig") != nil && c.Name() != "run" // which is installed with an account of its own
		if has := f.Lookup("as") != nil && f.Lookup("as-group") != nil && f.Lookup("as-uid") != nil; has != asks {
			t.Errorf("%s: takes --as: %v, asks a cluster: %v", c.CommandPath(), has, asks)
		}
		for _, below := range c.Commands() {
			visit(below)
		}
	}
	visit(newRoot("daemongate"))
}

// acted is a Sync that applies as a ServiceAccount which may read and write DaemonSets alone, and a work tree.
type acted struct {
	t                *testing.T
	kube             kubernetes.Interface
	syncs            dynamic.NamespaceableResourceInterface
	kubeconfig, repo string
}

func newActed(t *testing.T) *acted {
	t.Helper()
	cluster, dir := shared.Start(t), t.TempDir()
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	client, err := dynamic.NewForConfig(cluster.Config)
	check(t, err)
	a := &acted{t: t, kube: kube, syncs: client.Resource(api.Resource), kubeconfig: cluster.Kubeconfig, repo: filepath.Join(dir,
		"fleet")}
	gittest.Commit(t, a.repo, "agent.yaml", strings.Split(agent, "---")[0])
	gittest.Write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: acted}
spec:
  source: {url: `+a.repo+`}
  apply: {targetNamespace: acted, serviceAccountName: deployer}
`)
	_, err = installSync(t.Context(), cluster.Config, filepath.Join(dir, "sync.yaml"), "acted")
	check(t, err)
	_, err = kube.CoreV1().ServiceAccounts("acted").Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"}}, metav1.CreateOptions{})
	check(t, err)
	return a
}

// ofDaemonSets are the rights on DaemonSets that a dry run needs.
var ofDaemonSets = rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"},
	Verbs: []string{"get", "list", "create", "patch"}}

// ci is the kubeconfig of somebody in a pipeline, who may not act as another.
func (a *acted) ci() string {
	a.t.Helper()
	token := personIn(a.t, a.kube, "acted", "ci", []rbacv1.PolicyRule{ofDaemonSets, {APIGroups: []string{api.Resource.Group},
		Resources: []string{api.Resource.Resource}, Verbs: []string{"get"}}})
	config, err := clientcmd.LoadFromFile(a.kubeconfig)
	check(a.t, err)
	for _, user := range config.AuthInfos {
		user.Token, user.ClientCertificateData, user.ClientKeyData = token, nil, nil
		user.ClientCertificate, user.ClientKey = "", ""
	}
	file := filepath.Join(a.t.TempDir(), "ci.yaml")
	check(a.t, clientcmd.WriteToFile(*config, file))
	return file
}

// asks runs a command line and wants an exit code, and texts in either output; with a ! before one, not.
func (a *acted) asks(kubeconfig, args string, code int, says ...string) {
	a.t.Helper()
	r := daemongate(a.t, "", append(strings.Fields(args), "-n", "acted", "--kubeconfig", kubeconfig)...)
	all := strings.Join(strings.Fields(r.stdout+" "+r.stderr), " ")
	for _, text := range says {
		if never, is := strings.CutPrefix(text, "!"); is == strings.Contains(all, never) {
			a.t.Errorf("%s: %q in\n%s%s", args, text, r.stdout, r.stderr)
		}
	}
	if r.code != code {
		a.t.Errorf("%s: exit code %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
}

// A dry run of a Sync that applies as a ServiceAccount says whose rights it was asked with. Whoever may act as that
// account is told so, and gets with --as-sync what its rights suffice for: less than the caller's own here, then enough.
func TestACommandSaysAndChoosesWhoseRightsItHas(t *testing.T) {
	a := newActed(t)
	diff, plan := "diff "+a.repo+" --worktree --sync agents", "plan "+a.repo+" --worktree --sync agents"
	const own = "asked with your own rights: the Sync applies as ServiceAccount acted/deployer, whose rights were not asked for"
	a.asks(a.kubeconfig, diff, 0, own+"; you may ask with them: --as-sync", "1 object would be created")
	a.asks(a.kubeconfig, plan, 0, own+"; you may ask with them: --as-sync")
	ci := a.ci()
	a.asks(ci, diff, 0, own, "!--as-sync")
	a.asks(ci, diff+" --as-sync", 1, "you may not act as ServiceAccount acted/deployer")
	a.asks(a.kubeconfig, diff+" --as-sync", 1, "system:serviceaccount:acted:deployer", "!your own rights")
	a.asks(a.kubeconfig, plan+" --as-sync", 3, "will be refused", "system:serviceaccount:acted:deployer")
	gives(t, a.kube, "acted", "deployer", "deployer", []rbacv1.PolicyRule{ofDaemonSets})
	a.asks(a.kubeconfig, diff+" --as-sync", 0, "asked with the rights of ServiceAccount acted/deployer, as which the Sync "+
		"applies", "1 object would be created")
	a.asks(a.kubeconfig, plan+" --as-sync", 0, "fits all 3 nodes", "!your own rights")
	a.asks(a.kubeconfig, "diff "+a.repo+" --as-sync", 2, "name a Sync too")
	a.asks(a.kubeconfig, diff+" --as-sync --as admin --as-group system:masters", 1, "nobody can act as two")
	a.actsAsAnother()
	a.lacksEvictions(ci, plan)
}

// lacksEvictions: a plan of a paced Sync says whether old pods could be evicted, which its ServiceAccount may not here, and
// then may; whoever may not ask that is told so.
func (a *acted) lacksEvictions(ci, plan string) {
	a.t.Helper()
	_, err := a.syncs.Namespace("acted").Patch(a.t.Context(), "agents", types.MergePatchType, []byte(`{"spec":{"rollout":`+
		`{"onDelete":"Pace","pace":{"stages":[{"name":"canary","atMost":1}]}}}}`), metav1.PatchOptions{})
	check(a.t, err)
	const lacks = "ServiceAccount acted/deployer lacks get on pods and create on pods/eviction in namespace acted"
	a.asks(a.kubeconfig, plan, 0, "to evict old pods of later commits "+lacks) // it is new
	d := &appsv1.DaemonSet{}
	check(a.t, yaml.Unmarshal([]byte(strings.Split(agent, "---")[0]), d))
	d.Spec.Template.Spec.Containers[0].Image += "-old"
	_, err = a.kube.AppsV1().DaemonSets("acted").Create(a.t.Context(), d, metav1.CreateOptions{FieldManager: "kubectl-create"})
	check(a.t, err)
	a.asks(a.kubeconfig, plan, 3, "old pods may not be evicted: "+lacks, "--verb=create --resource=pods/eviction")
	a.asks(a.kubeconfig, plan+" --as-sync", 3, "old pods may not be evicted: "+lacks)
	a.asks(ci, plan, 1, "it is not known whether ServiceAccount acted/deployer may evict old pods in namespace acted", "!"+lacks)
	gives(a.t, a.kube, "acted", "deployer", "paces", []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
		{APIGroups: []string{""}, Resources: []string{"pods/eviction"}, Verbs: []string{"create"}}})
	a.asks(a.kubeconfig, plan, 0, "!evict old pods", "!may not be evicted")
	a.asks(a.kubeconfig, plan+" --as-sync", 0, "!may not be evicted")
}

// actsAsAnother: with --as a command asks in the name of somebody else, and the page is theirs too: who may see nothing
// sees nothing, and who is of a group has its rights.
func (a *acted) actsAsAnother() {
	t := a.t
	t.Helper()
	a.asks(a.kubeconfig, "get agents", 0, "agents")
	a.asks(a.kubeconfig, "get agents --as pia", 1, `User "pia" cannot`)
	a.asks(a.kubeconfig, "get agents --as pia --as-group system:masters", 0, "agents")
	a.asks(a.kubeconfig, "get agents --as-group system:masters", 1, "--as-group and --as-uid: give --as too")
	a.asks(a.kubeconfig, "plan "+a.repo+" --worktree --as pia", 1, `User "pia" cannot`)
	a.asks(a.kubeconfig, "__complete get --as pia ag", 0, "!agents")
	for _, command := range []string{"get", "plan", "dashboard", "rollout status", "create sync"} {
		line := append([]string{"__complete"}, strings.Fields(command+" --kubeconfig "+a.kubeconfig+" -n act")...)
		if r := daemongate(t, "", line...); !strings.HasPrefix(r.stdout, "acted\n") {
			t.Errorf("%s -n act: %s%s", command, r.stdout, r.stderr)
		}
	}
	for flags, sees := range map[string]bool{"--as pia": false, "--as pia --as-group system:masters": true} {
		address, _ := dashboard(t, append(strings.Fields(flags), "agents", "-n", "acted", "--kubeconfig", a.kubeconfig)...)
		jar, err := cookiejar.New(nil)
		check(t, err)
		somebody := &http.Client{Jar: jar}
		asks(t, somebody, "GET", address, "") // lets one browser in
		own := address[:strings.Index(address, "/syncs/")] + "/syncs/acted/agents"
		_, text := asks(t, somebody, "GET", own, "")
		if strings.Contains(text, "acted/</span>agents") != sees ||
			strings.Contains(text, "you may not see it") == sees || !strings.Contains(text, "namespace acted") {
			t.Errorf("the page with %s:\n%s", flags, text)
		}
	}
}
