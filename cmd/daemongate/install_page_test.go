package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// isOpen holds that what leads to the page is there, or is not.
func isOpen(t *testing.T, kube kubernetes.Interface, want bool) {
	t.Helper()
	const namespace, name = "daemongate-system", "daemongate-page"
	_, service := kube.CoreV1().Services(namespace).Get(t.Context(), name, metav1.GetOptions{})
	_, policy := kube.NetworkingV1().NetworkPolicies(namespace).Get(t.Context(), name, metav1.GetOptions{})
	for what, err := range map[string]error{"Service": service, "NetworkPolicy": policy} {
		if want && err != nil || !want && !apierrors.IsNotFound(err) {
			t.Errorf("%s %s is to be there: %t, and: %v", what, name, want, err)
		}
	}
}

// showsWhoMaySee holds that the page of a controller with the installed rights, which asks the API server about tokens and
// rights, shows somebody the Sync and the DaemonSets of their namespace, and nothing of another one.
func showsWhoMaySee(t *testing.T, kube kubernetes.Interface, base string) {
	t.Helper()
	token := personIn(t, kube, "a", "viewer", []rbacv1.PolicyRule{
		{APIGroups: []string{api.Resource.Group}, Resources: []string{api.Resource.Resource}, Verbs: []string{"get"}},
		{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: []string{"get"}}})
	shows := func(path string, texts ...string) (shown string) {
		t.Helper()
		clustertest.Until(t, 3*time.Minute, path+" to show "+strings.Join(texts, ", "), func() (string, bool) {
			_, shown = asks(t, http.DefaultClient, http.MethodGet, base+path, token)
			for _, text := range texts {
				if !strings.Contains(shown, text) {
					return shown, false
				}
			}
			return shown, true
		})
		return shown
	}
	if all := shows("/", "/syncs/a/agents"); strings.Contains(all, "/syncs/b/agents") {
		t.Errorf("a Sync of another namespace is shown:\n%s", all)
	}
	own := shows("/syncs/a/agents", "Complete", "3 of 3 nodes settled", "node-001", "/syncs/a/agents/commits/")
	_, commit, _ := strings.Cut(own, "/syncs/a/agents/commits/")
	shows("/syncs/a/agents/commits/"+commit[:40], "registry.local/agent:v1", "agent.yaml")
	for what, code := range map[string]int{"/syncs/b/agents": http.StatusNotFound, "/syncs/c/agents": http.StatusNotFound} {
		if got, text := asks(t, http.DefaultClient, http.MethodGet, base+what, token); got != code {
			t.Errorf("%s: %d %s", what, got, text)
		}
	}
	for _, none := range []string{"", token + "x"} {
		if got, text := asks(t, http.DefaultClient, http.MethodGet, base+"/", none); got != http.StatusUnauthorized {
			t.Errorf("with the token %q: %d %s", none, got, text)
		}
	}
}
