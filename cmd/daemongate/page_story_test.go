package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The controller serves the page, and the cluster's own RBAC says to whom: one person sees the Syncs of one namespace and
// does nothing; another one has it poll and may not release. Who has started the page for themselves sees the same, by an
// address that is good once, until ^C.
func TestWhoSeesThePage(t *testing.T) {
	cluster, dir := shared.Start(t), t.TempDir()
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	gittest.Commit(t, filepath.Join(dir, "fleet"), "agent.yaml", strings.Replace(strings.Split(agent, "---")[0],
		`, resources: {requests: {cpu: "2"}}`, "", 1))
	commit := gittest.Commit(t, filepath.Join(dir, "fleet"), "more.yaml", `{apiVersion: v1, kind: ConfigMap, metadata: {name: more}, data: {level: quiet}}
---
{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {password: hidden-from-all}}
`)
	for _, namespace := range []string{"paged", "hidden"} {
		gittest.Write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents-of-`+namespace+`, namespace: `+namespace+`}
spec:
  source: {url: `+filepath.Join(dir, "fleet")+`, interval: 1h}
  apply: {targetNamespace: `+namespace+`}
  rollout: {settle: 1s, proof: 0s}
`)
		_, err := installSync(t.Context(), cluster.Config, filepath.Join(dir, "sync.yaml"), namespace)
		check(t, err)
	}
	reader := person(t, kube, "reader", "get")
	syncer := person(t, kube, "syncer", "get", "patch", "sync")
	at := clustertest.FreeAddress(t)
	startController(t, "--namespaces", "paged,hidden", "--data-dir", filepath.Join(dir, "data"), "--lease-namespace", "paged",
		"--kubeconfig", cluster.Kubeconfig, "--http", at, "--http-actions")

	get := func(token, path string) (int, string) {
		return asks(t, http.DefaultClient, "GET", "http://"+at+path, token)
	}
	own := "/syncs/paged/agents-of-paged"
	clustertest.Until(t, 3*time.Minute, "the page to show three settled nodes", func() (string, bool) {
		r, err := http.Get("http://" + at + "/healthz")
		if err != nil {
			return err.Error(), false
		}
		_ = r.Body.Close()
		_, text := get(reader, own)
		return text, strings.Contains(text, "Complete") && strings.Contains(text, "node-001") &&
			strings.Contains(text, "node-003")
	})
	if code, text := get(reader, "/"); code != http.StatusOK || !strings.Contains(text, "agents-of-paged") ||
		strings.Contains(text, "agents-of-hidden") {
		t.Errorf("all Syncs are %d %s", code, text)
	}
	if code, _ := get(reader, "/syncs/hidden/agents-of-hidden"); code != http.StatusNotFound {
		t.Errorf("a Sync of another namespace: %d", code)
	}
	if code, text := get("", "/"); code != http.StatusUnauthorized || strings.Contains(text, "agents-of") {
		t.Errorf("without a token: %d %s", code, text)
	}
	gives(t, kube, "paged", "syncer", "syncer-gets", []rbacv1.PolicyRule{{APIGroups: []string{""},
		Resources: []string{"configmaps", "secrets"}, Verbs: []string{"get"}}})
	objectsNeedTheirRights(t, get, own+"/commits/"+commit, reader, syncer)
	actsNeedTheirVerbs(t, cluster, "http://"+at+own+"/", reader, syncer)
	dashboardIsForOne(t, cluster.Kubeconfig, own, commit)
}

// objectsNeedTheirRights has two people look at what the commit asks for, which is read from its repository: who may see
// the Sync alone sees none of it.
func objectsNeedTheirRights(t *testing.T, get func(token, path string) (int, string), at, reader, syncer string) {
	t.Helper()
	clustertest.Until(t, 3*time.Minute, "the page of the commit to show its objects", func() (string, bool) {
		_, text := get(syncer, at)
		return text, strings.Contains(text, "level: quiet") && strings.Contains(text, "password: &#39;***&#39;")
	})
	for token, hidden := range map[string]string{syncer: "1 object of them", reader: "3 objects of them"} {
		code, text := get(token, at)
		if code != http.StatusOK || !strings.Contains(text, hidden+" cannot be shown, because you may not get them") ||
			strings.Contains(text, "registry.local/agent") || strings.Contains(text, "hidden-from-all") ||
			strings.Contains(text, "level: quiet") != (token == syncer) {
			t.Errorf("%d %s", code, text)
		}
	}
}

// actsNeedTheirVerbs has two people ask for something on the page of the Sync.
func actsNeedTheirVerbs(t *testing.T, cluster *clustertest.Cluster, at, reader, syncer string) {
	t.Helper()
	client, err := dynamic.NewForConfig(cluster.Config)
	check(t, err)
	asked := func() bool {
		s, err := sync.NewSyncs(client).Get(t.Context(), "paged", "agents-of-paged")
		check(t, err)
		return s.Annotations["daemongate.io/requested-at"] != ""
	}
	for _, one := range [][2]string{{reader, "sync"}, {syncer, "release"}, {syncer, "suspend"}} {
		if code, _ := asks(t, http.DefaultClient, "POST", at+one[1], one[0]); code != http.StatusForbidden || asked() {
			t.Errorf("%s: %d", one[1], code)
		}
	}
	if code, text := asks(t, http.DefaultClient, "POST", at+"sync", syncer); code != http.StatusOK || !asked() {
		t.Errorf("who may sync gets %d %s", code, text)
	}
}

// dashboard starts the page for its caller. Its address is good once.
func dashboard(t testing.TB, args ...string) (address string, c *exec.Cmd) {
	t.Helper()
	c = exec.CommandContext(t.Context(), os.Args[0], append([]string{"dashboard", "--no-browser", "--data-dir", t.TempDir()}, args...)...)
	c.Env, c.Stderr = append(os.Environ(), asProcess+"=1"), t.Output()
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	t.Cleanup(func() { // before its folder is removed
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	address, err = bufio.NewReader(out).ReadString('\n')
	check(t, err)
	return strings.TrimSpace(address), c
}

// dashboardIsForOne starts the page for its caller.
func dashboardIsForOne(t *testing.T, kubeconfig, own, commit string) {
	t.Helper()
	address, c := dashboard(t, "agents-of-paged", "-n", "paged", "--kubeconfig", kubeconfig)
	jar, err := cookiejar.New(nil)
	check(t, err)
	browser := &http.Client{Jar: jar}
	if code, text := asks(t, browser, "GET", address, ""); code != http.StatusOK || !strings.Contains(text, own) {
		t.Errorf("the address gives %d %s", code, text)
	}
	base := address[:strings.Index(address, "/syncs/")]
	if code, text := asks(t, browser, "GET", base+own, ""); code != http.StatusOK || !strings.Contains(text, "node-001") {
		t.Errorf("the page is %d %s", code, text)
	}
	clustertest.Until(t, 3*time.Minute, "the page of the commit to show its objects", func() (string, bool) {
		_, text := asks(t, browser, "GET", base+own+"/commits/"+commit, "")
		return text, strings.Contains(text, "registry.local/agent") && strings.Contains(text, "level: quiet") &&
			!strings.Contains(text, "hidden-from-all")
	})
	for what, code := range map[string]int{address: http.StatusForbidden, base + own: http.StatusForbidden} {
		if got, _ := asks(t, &http.Client{}, "GET", what, ""); got != code {
			t.Errorf("somebody else gets %d", got)
		}
	}
	check(t, c.Process.Signal(os.Interrupt))
	if err := c.Wait(); err != nil {
		t.Errorf("after ^C: %v", err)
	}
}

// person is somebody who has some verbs for the Syncs of namespace paged; what is returned is their token.
func person(t *testing.T, kube kubernetes.Interface, name string, verbs ...string) (token string) {
	t.Helper()
	return personIn(t, kube, "paged", name, []rbacv1.PolicyRule{{APIGroups: []string{api.Resource.Group},
		Resources: []string{api.Resource.Resource}, Verbs: verbs}})
}

// personIn is somebody who has some rights in a namespace.
func personIn(t *testing.T, kube kubernetes.Interface, namespace, name string, rules []rbacv1.PolicyRule) (token string) {
	t.Helper()
	_, err := kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	check(t, err)
	gives(t, kube, namespace, name, name, rules)
	r, err := kube.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{},
		metav1.CreateOptions{})
	check(t, err)
	return r.Status.Token
}

// gives gives somebody rights, by a Role of that name.
func gives(t *testing.T, kube kubernetes.Interface, namespace, to, role string, rules []rbacv1.PolicyRule) {
	t.Helper()
	_, err := kube.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: role},
		Rules: rules}, metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: to, Namespace: namespace}}}, metav1.CreateOptions{})
	check(t, err)
}

// asks sends a request as a browser would, and follows where it leads.
func asks(t *testing.T, c *http.Client, method, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	check(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	got, err := c.Do(r)
	check(t, err)
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	check(t, err)
	return got.StatusCode, string(text)
}
