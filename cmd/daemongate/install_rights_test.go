package main

import (
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// installedArgs are the arguments of the installed controller, but for those of the place where it runs.
func installedArgs(t *testing.T, kube kubernetes.Interface) (args []string) {
	t.Helper()
	d, err := kube.AppsV1().Deployments("daemongate-system").Get(t.Context(), "daemongate", metav1.GetOptions{})
	check(t, err)
	for _, arg := range controllerOf(d).Args[1:] {
		name, _, _ := strings.Cut(arg, "=")
		switch name {
		case "--data-dir", "--webhook-address", "--metrics-address", "--log-format", "--advertise-address":
		default:
			args = append(args, arg)
		}
	}
	return args
}

func controllerOf(d *appsv1.Deployment) corev1.Container { return d.Spec.Template.Spec.Containers[0] }

// roleOfReadme is the Role that the README tells people to make for a Sync's ServiceAccount.
func roleOfReadme(t *testing.T) *rbacv1.Role {
	t.Helper()
	found := regexp.MustCompile(`create role (\S+) --verb=(\S+) --resource=(\S+)`).FindStringSubmatch(page(t, "README.md"))
	if found == nil {
		t.Fatal("README.md tells of no role")
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: found[1]}}
	for resource := range strings.SplitSeq(found[3], ",") {
		name, group, _ := strings.Cut(resource, ".")
		role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{name},
			Verbs: strings.Split(found[2], ",")})
	}
	return role
}

// deployer makes a namespace with the ServiceAccount whose rights its Sync uses, as the README says.
func deployer(t *testing.T, kube kubernetes.Interface, namespace string) {
	t.Helper()
	_, err := kube.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	check(t, err)
	_, err = kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "deployer"}}, metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().Roles(namespace).Create(t.Context(), roleOfReadme(t), metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "deployer"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "deployer", Namespace: namespace}},
	}, metav1.CreateOptions{})
	check(t, err)
}
