package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A controller that was installed for all namespaces, then for three, and then for two, has taken back what it no longer
// needs, and what leads to a page that is not served any more. It does its work in these two, reads no Sync of a third one, and may there neither act as a ServiceAccount nor
// read a Secret. Of the rights that it has each is used.
func TestAControllerOfTwoNamespacesHasRightsInNoOther(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 3})
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	for _, namespace := range []string{"a", "b", "c"} {
		deployer(t, kube, namespace)
	}
	installs(t, cluster, "--http")
	isOpen(t, kube, true)
	installs(t, cluster, "--namespaces", "a,b,c")
	isOpen(t, kube, false)
	ours := metav1.ListOptions{LabelSelector: manifests.OwnerLabel}
	if list, err := kube.RbacV1().RoleBindings("c").List(t.Context(), ours); err != nil || len(list.Items) == 0 {
		t.Errorf("there is nothing to take back: %v", err)
	}
	installs(t, cluster, "--namespaces", "a,b", "--http")
	isOpen(t, kube, true)
	dir, asked := t.TempDir(), &requests{}
	pushAgent(t, dir)
	for _, namespace := range []string{"a", "b", "c"} {
		gittest.Write(t, filepath.Join(dir, namespace+".yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: `+namespace+`}
spec:
  source: {url: `+filepath.Join(dir, "fleet")+`, interval: 1s}
  rollout: {settle: 1s, proof: 0s}
  report: {provider: Notes}
  webhook: {provider: GitHub, secretRef: {name: hook}}
  apply: {serviceAccountName: deployer}
`)
		_, err = installSync(t.Context(), cluster.Config, filepath.Join(dir, namespace+".yaml"), "")
		check(t, err)
	}
	config, hooks, metrics, at := tokenConfig(t, cluster, kube, dir), clustertest.FreeAddress(t), clustertest.FreeAddress(t), clustertest.FreeAddress(t)
	startController(t, append(installedArgs(t, kube), "--allow-local-repositories", "--data-dir", filepath.Join(dir, "data"),
		"--webhook-address", hooks, "--metrics-address", metrics, "--http", at, "--kubeconfig", asked.through(t, config))...)
	client, err := dynamic.NewForConfig(cluster.Config)
	check(t, err)
	syncs := sync.NewSyncs(client)
	for _, namespace := range []string{"a", "b"} {
		clustertest.Until(t, 3*time.Minute, "Sync "+namespace+"/agents to be Complete", func() (string, bool) {
			s, err := syncs.Get(t.Context(), namespace, "agents")
			check(t, err)
			return fmt.Sprintf("%+v", s.Status.Summary), s.Status.Summary.State == api.Complete
		})
	}
	showsWhoMaySee(t, kube, "http://"+at)
	if s, err := syncs.Get(t.Context(), "c", "agents"); err != nil || s.Status.ObservedGeneration != 0 {
		t.Errorf("the Sync of another namespace was looked after: %+v, %v", s.Status.Summary, err)
	}
	for _, right := range []struct{ verb, resource string }{
		{"impersonate", "serviceaccounts"}, {"get", "secrets"}, {"update", "configmaps"}, {"create", "events"},
	} {
		for namespace, want := range map[string]bool{"a": true, "b": true, "c": false, "kube-system": false, "": false} {
			if may(t, config, right.verb, right.resource, namespace) != want {
				t.Errorf("%s %s in namespace %q: want %t", right.verb, right.resource, namespace, want)
			}
		}
	}
	hookIsLookedAt(t, "http://"+hooks+"/hooks/a/agents", asked)
	metricsAreGuarded(t, kube, "http://"+metrics, config)
	everyRuleIsUsed(t, kube, asked)
}

// installs installs with further arguments.
func installs(t *testing.T, cluster *clustertest.Cluster, args ...string) {
	t.Helper()
	if r := daemongate(t, "", append([]string{"install", "--image", "example.com/daemongate:v1", "--kubeconfig",
		cluster.Kubeconfig}, args...)...); r.code != 0 {
		t.Fatalf("install %q: exit code %d, %s", args, r.code, r.stderr)
	}
}

// may asks the API server what the user of a kubeconfig may do; in all namespaces if it is empty.
func may(t *testing.T, kubeconfig, verb, resource, namespace string) bool {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	check(t, err)
	kube, err := kubernetes.NewForConfig(config)
	check(t, err)
	answer, err := kube.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(),
		&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: resource}}},
		metav1.CreateOptions{})
	check(t, err)
	return answer.Status.Allowed
}

// hookIsLookedAt sends a webhook until its secret was looked for.
func hookIsLookedAt(t *testing.T, url string, asked *requests) {
	t.Helper()
	clustertest.Until(t, time.Minute, "the webhook's Secret to be read", func() (string, bool) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
		check(t, err)
		r.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("ab", 32))
		r.Header.Set("X-GitHub-Event", "push")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err.Error(), false
		}
		defer answer.Body.Close()
		return answer.Status, asked.saw("get secrets")
	})
}

// metricsAreGuarded holds that metrics are shown to whom ClusterRole daemongate-metrics is bound, and probes to everybody.
func metricsAreGuarded(t *testing.T, kube kubernetes.Interface, at, kubeconfig string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	check(t, err)
	get := func(path, token string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+path, nil)
		check(t, err)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultClient.Do(r)
		check(t, err)
		check(t, answer.Body.Close())
		return answer.StatusCode
	}
	for want, token := range map[int]string{401: "", 403: config.BearerToken} {
		if got := get("/metrics", token); got != want {
			t.Errorf("the metrics are answered %d, not %d", got, want)
		}
	}
	if got := get("/healthz", ""); got != http.StatusOK {
		t.Errorf("a probe is answered %d", got)
	}
	_, err = kube.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "scrapes"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "daemongate-metrics"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "daemongate-system", Name: "daemongate"}},
	}, metav1.CreateOptions{})
	check(t, err)
	clustertest.Until(t, time.Minute, "the metrics to be shown", func() (string, bool) {
		code := get("/metrics", config.BearerToken)
		return http.StatusText(code), code == http.StatusOK
	})
}

// usedElsewhere are the rights that a rollout without trouble does not use, with what does.
var usedElsewhere = map[string]string{
	"get nodes":            "rollout/observe: a node's clock, where its pod is Ready and not available",
	"list nodes":           "rollout/observe: Nodes, before DaemonSets that want the same host port are written",
	"list priorityclasses": "rollout/observe: PriorityClasses, before a DaemonSet takes over from another one",
	"get syncs":            "sync: held, where what is seen of a Sync may be behind, and after a write that was too late",
	"patch events":         "client-go: the same Event again is counted on the first one",
	"list events":          "rollout/observe: AddEvents, where a DaemonSet was in trouble before",
}

// everyRuleIsUsed compares the rights of an installation with what the controller has asked for.
func everyRuleIsUsed(t *testing.T, kube kubernetes.Interface, asked *requests) {
	t.Helper()
	var rules []rbacv1.PolicyRule
	for _, name := range []string{"daemongate", "daemongate-syncs"} {
		role, err := kube.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{})
		check(t, err)
		rules = append(rules, role.Rules...)
		_, err = kube.RbacV1().ClusterRoleBindings().Get(t.Context(), name, metav1.GetOptions{})
		if want := name == "daemongate-syncs"; apierrors.IsNotFound(err) != want {
			t.Errorf("ClusterRoleBinding %s: %v", name, err)
		}
	}
	for _, namespace := range []string{"daemongate-system", "kube-node-lease"} {
		role, err := kube.RbacV1().Roles(namespace).Get(t.Context(), "daemongate", metav1.GetOptions{})
		check(t, err)
		rules = append(rules, role.Rules...)
	}
	var unused []string
	for _, rule := range rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				right := verb + " " + resource
				if verb == "list" && asked.saw("watch "+resource) {
					continue // a watch begins with a list, where the API server cannot stream it
				}
				if !asked.saw(right) && usedElsewhere[right] == "" && !slices.Contains(unused, right) {
					unused = append(unused, right)
				}
			}
		}
	}
	if len(unused) > 0 {
		t.Errorf("the controller has rights that it does not use: %q\nit used %q", unused, asked.all())
	}
}
