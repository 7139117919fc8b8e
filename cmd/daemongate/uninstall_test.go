package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/sync"
)

// A cluster is checked before Daemongate is installed there: by somebody who may, by somebody who may not, and while
// another one has an object of that name. Then it is installed, has been watched by Prometheus for a while, tells its
// version, and is uninstalled: its rights are gone, and the Sync and what it has written are left, which is said.
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

	cluster.PrometheusKinds(t)
	installer := installsWithRights(t, cluster, kube, filepath.Join(dir, "installer"))
	client := installedRollsOut(t, cluster, kube, dir)
	says(cluster.Kubeconfig, 0, "version", "controller "+thisBuild().Version, "the controller is of the same version")
	says(cluster.Kubeconfig, 0, "version -o json", `"skew": "the controller is of the same version"`)
	says(cluster.Kubeconfig, 0, "check", "the controller is of the same version")

	says(installer, 0, "uninstall", "left 1 Sync, with 1 object that they have written")
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

// installsWithRights installs with the rights alone that check asks for, those to remove what an installation has
// brought last, and returns the kubeconfig that has them.
func installsWithRights(t *testing.T, cluster *clustertest.Cluster, kube kubernetes.Interface, path string) string {
	t.Helper()
	rights, err := install.RightsFor(t.Context(), cluster.Config, install.Options{Image: "example.com/daemongate:v1",
		Monitoring: true})
	check(t, err)
	accounts := kube.CoreV1().ServiceAccounts("platform")
	_, err = accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "installer"}},
		metav1.CreateOptions{})
	check(t, err)
	// Who gives rights that they do not have themselves needs these two, as the dry run would say.
	grants(t, kube, "gives", []rbacv1.PolicyRule{{APIGroups: []string{rbacv1.GroupName},
		Resources: []string{"clusterroles", "roles"}, Verbs: []string{"escalate", "bind"}}})
	grants(t, kube, "installs", rulesOf(rights.Install))
	installer := accountConfig(t, cluster, kube, "platform", "installer", path)
	checked := func(want string) {
		clustertest.Until(t, time.Minute, "check to say "+want, func() (string, bool) {
			r := daemongate(t, "", "check", "--monitoring", "--kubeconfig", installer)
			return r.stdout + r.stderr, r.code == 0 && strings.Contains(r.stdout, want)
		})
	}
	checked("you may install, and may not")
	installs(t, cluster, "--monitoring", "--kubeconfig", installer)
	grants(t, kube, "removes", rulesOf(rights.Remove))
	checked("you may do all that install and uninstall do")
	isNoLongerWatched(t, cluster, installer)
	return installer
}

// rulesOf are rules that give rights, each in all namespaces.
func rulesOf(rights []install.Right) (rules []rbacv1.PolicyRule) {
	for _, r := range rights {
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{r.Resource.Group},
			Resources: []string{r.Resource.Resource}, Verbs: []string{r.Verb}})
	}
	return rules
}

// grants gives the account that installs the rights of some rules.
func grants(t *testing.T, kube kubernetes.Interface, name string, rules []rbacv1.PolicyRule) {
	t.Helper()
	named := metav1.ObjectMeta{Name: name}
	_, err := kube.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: named, Rules: rules},
		metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: named,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "installer", Namespace: "platform"}},
	}, metav1.CreateOptions{})
	check(t, err)
}

// isNoLongerWatched installs without what has Prometheus watch, which was installed with it: then nothing of it is left.
func isNoLongerWatched(t *testing.T, cluster *clustertest.Cluster, kubeconfig string) {
	t.Helper()
	client, err := dynamic.NewForConfig(cluster.Config)
	check(t, err)
	left := func() (names []string) {
		for resource, group := range map[string]string{"podmonitors": "monitoring.coreos.com", "secrets": "",
			"prometheusrules": "monitoring.coreos.com", "serviceaccounts": "", "configmaps": ""} {
			list, err := client.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}).Namespace(
				"daemongate-system").List(t.Context(), metav1.ListOptions{LabelSelector: manifests.OwnerLabel})
			if err != nil {
				return []string{err.Error()}
			}
			for _, u := range list.Items {
				names = append(names, resource+" "+u.GetName())
			}
		}
		slices.Sort(names)
		return names
	}
	if got := left(); len(got) != 6 {
		t.Errorf("to have Prometheus watch there are %q", got)
	}
	installs(t, cluster, "--kubeconfig", kubeconfig)
	if got := left(); !slices.Equal(got, []string{"serviceaccounts daemongate"}) {
		t.Errorf("of what had Prometheus watch there are left %q", got)
	}
}
