package controller

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/install"
)

// documented is the namespace of the Sync in the example of docs/operate.md.
const documented = "fleet"

// remoteRoles are the roles that docs/operate.md has people give to the user of a kubeconfig. One in no namespace is a
// ClusterRole.
func remoteRoles(t testing.TB) (roles []rbacv1.Role) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(
		page(t, "../../../docs/operate.md"), -1) {
		for one := range strings.SplitSeq(block[1], "\n---\n") {
			if !strings.Contains(one, "name: daemongate-remote") {
				continue
			}
			var r rbacv1.Role
			check(t, yaml.UnmarshalStrict([]byte(one), &r))
			roles = append(roles, r)
		}
	}
	if len(roles) != 3 {
		t.Fatalf("docs/operate.md has the roles %+v", roles)
	}
	return roles
}

// In another cluster a user needs what the installed controller has here for the same, and nothing else: who asks for
// metrics, the Syncs and their Secrets, the Lease and the stop switch are here alone.
func TestTheRolesOfAnotherClusterAreThoseOfThisOne(t *testing.T) {
	objects, err := install.All(install.Options{Image: "example.com/daemongate"})
	check(t, err)
	var want, got []string
	for _, u := range objects {
		var r rbacv1.Role
		if !strings.HasSuffix(u.GetKind(), "Role") {
			continue
		}
		check(t, runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &r))
		of := r.Kind + " " + r.Namespace + "/" + r.Name
		for _, rule := range r.Rules {
			judges := of == "ClusterRole /daemongate" && !slices.Contains(rule.Verbs, "create")
			clocks := of == "Role kube-node-lease/daemongate"
			accounts := of == "ClusterRole /daemongate-syncs" && rule.Resources[0] == "serviceaccounts"
			if judges || clocks || accounts {
				want = append(want, fmt.Sprint(rule))
			}
		}
	}
	for _, r := range remoteRoles(t) {
		for _, rule := range r.Rules {
			got = append(got, fmt.Sprint(rule))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("docs/operate.md has people grant\n%s\nand the controller has\n%s", strings.Join(got, "\n"),
			strings.Join(want, "\n"))
	}
}

// account makes a ServiceAccount there.
func (a *abroad) account(name string) {
	a.t.Helper()
	_, err := a.there.CoreV1().ServiceAccounts(a.namespace).Create(a.t.Context(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	check(a.t, err)
}

// writes lets an account there do what docs/sync.md says that it needs for the objects.
func (a *abroad) writes(account string) {
	a.t.Helper()
	verbs := []string{"get", "list", "watch", "create", "patch", "delete"}
	a.grants(rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "writer", Namespace: a.namespace},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: verbs},
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: verbs}}}, account)
}

// grants makes a role there, if another test has not, and binds it to an account.
func (a *abroad) grants(r rbacv1.Role, account string) {
	a.t.Helper()
	meta := metav1.ObjectMeta{Name: a.namespace + "-" + account + "-" + r.Name, Namespace: r.Namespace}
	to := []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: a.namespace}}
	of := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: r.Name}
	var made, bound error
	if rbac := a.there.RbacV1(); r.Namespace == "" {
		of.Kind = "ClusterRole"
		_, made = rbac.ClusterRoles().Create(a.t.Context(), &rbacv1.ClusterRole{ObjectMeta: r.ObjectMeta, Rules: r.Rules},
			metav1.CreateOptions{})
		_, bound = rbac.ClusterRoleBindings().Create(a.t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: of,
			Subjects: to}, metav1.CreateOptions{})
	} else {
		_, made = rbac.Roles(r.Namespace).Create(a.t.Context(), &r, metav1.CreateOptions{})
		_, bound = rbac.RoleBindings(r.Namespace).Create(a.t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: of,
			Subjects: to}, metav1.CreateOptions{})
	}
	if !apierrors.IsAlreadyExists(made) {
		check(a.t, made)
	}
	check(a.t, bound)
}
