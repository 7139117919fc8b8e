package main

import (
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
)

// A cluster is checked before Daemongate is installed there: by somebody who may, by somebody who may not, and while
// another one has an object of that name. Then it is installed, tells its version, and is uninstalled: its rights are
// gone, and the Sync and what it has written are left, which is said.
func TestACheckedClusterIsInstalledAndLeft(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 1})
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	says := func(kubeconfig string, code int, command string, texts ...string) {
		t.Helper()
		r := daemongate(t, "", append(strings.Fields(command), "--kubeconfig", kubeconfig)...)
		for _, text := range texts {
			if r.code != code || !strings.Contains(r.stdout, text) {
				t.Errorf("%s: exit code %d, there is no %q in\n%s%s", command, r.code, text, r.stdout, r.stderr)
			}
		}
	}
	says(cluster.Kubeconfig, 0, "check", "Daemongate can be installed here", "would take all that install writes", "is not here yet")
	says(cluster.Kubeconfig, 0, "version", "daemongate ")
	deployer(t, kube, "platform")
	dir := t.TempDir()
	says(accountConfig(t, cluster, kube, "platform", "deployer", filepath.Join(dir, "deployer")), 1, "check",
		"you may not", "cannot be installed here")
	refusesWhatOthersHave(t, kube, func(texts ...string) { t.Helper(); says(cluster.Kubeconfig, 1, "check", texts...) })

	installs(t, cluster)
	client := installedRollsOut(t, cluster, kube, dir)
	says(cluster.Kubeconfig, 0, "version", "controller "+thisBuild().Version, "the controller is of the same version")
	says(cluster.Kubeconfig, 0, "version -o json", `"skew": "the controller is of the same version"`)
	says(cluster.Kubeconfig, 0, "check", "the controller is of the same version")

	says(cluster.Kubeconfig, 0, "uninstall", "left 1 Sync, with 1 object that they have written")
	isGone(t, kube)
	_, err = sync.NewSyncs(client).Get(t.Context(), "platform", "agents")
	check(t, err)
	_, err = kube.AppsV1().DaemonSets("platform").Get(t.Context(), "agent", metav1.GetOptions{})
	check(t, err)
	says(cluster.Kubeconfig, 0, "uninstall", "deleted 0 objects\n", "left 1 Sync")
}

// refusesWhatOthersHave has somebody else have a role of the installation for a while.
func refusesWhatOthersHave(t *testing.T, kube kubernetes.Interface, says func(texts ...string)) {
	t.Helper()
	roles := kube.RbacV1().ClusterRoles()
	_, err := roles.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "daemongate"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}},
		metav1.CreateOptions{FieldManager: "somebody"})
	check(t, err)
	says("ClusterRole daemongate", "somebody", "cannot be installed here")
	check(t, roles.Delete(t.Context(), "daemongate", metav1.DeleteOptions{}))
}

// isGone holds that neither the controller nor its rights are left, but the namespace is.
func isGone(t *testing.T, kube kubernetes.Interface) {
	t.Helper()
	const namespace = "daemongate-system"
	_, deployment := kube.AppsV1().Deployments(namespace).Get(t.Context(), "daemongate", metav1.GetOptions{})
	_, account := kube.CoreV1().ServiceAccounts(namespace).Get(t.Context(), "daemongate", metav1.GetOptions{})
	_, binding := kube.RbacV1().ClusterRoleBindings().Get(t.Context(), "daemongate-syncs", metav1.GetOptions{})
	for what, err := range map[string]error{"Deployment": deployment, "ServiceAccount": account, "binding": binding} {
		if !apierrors.IsNotFound(err) {
			t.Errorf("the %s is still there: %v", what, err)
		}
	}
	_, err := kube.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	check(t, err)
}
