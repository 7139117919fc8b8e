package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/install"
)

// installed is what `daemongate install` installs, but for the Deployment: the replicas are processes of this machine.
func installed() ([]*unstructured.Unstructured, error) {
	objects, err := install.All(install.Options{Image: "registry.local/daemongate:v1"})
	isController := func(u *unstructured.Unstructured) bool { return u.GetKind() == "Deployment" }
	return slices.DeleteFunc(objects, isController), err
}

// tokenTime is how long the controllers' token is good: longer than all runs on one cluster take.
const tokenTime = int64(24 * 60 * 60)

// accountOf is the way to the API server with the rights of the installed controller, and no others.
func accountOf(ctx context.Context, admin *rest.Config) (*rest.Config, error) {
	kube, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return nil, err
	}
	seconds := tokenTime
	token, err := kube.CoreV1().ServiceAccounts(leaseNamespace).CreateToken(ctx, account, &authentication.TokenRequest{
		Spec: authentication.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("token of ServiceAccount %s/%s: %w", leaseNamespace, account, err)
	}
	c := rest.AnonymousClientConfig(admin)
	c.BearerToken = token.Status.Token
	c.QPS = -1
	return c, nil
}

// account is the controllers' ServiceAccount, and the name of the Role for their Lease and of what binds it.
const account = "daemongate"

// leaseRights are the installed rights for the Lease, for one of another name: each run has its own.
func leaseRights(lease string) (rights []*unstructured.Unstructured, err error) {
	objects, err := installed()
	if err != nil {
		return nil, err
	}
	for _, u := range objects {
		if u.GetNamespace() != leaseNamespace || !strings.HasPrefix(u.GetKind(), "Role") || u.GetName() != account {
			continue
		}
		u.SetName(lease)
		if u.GetKind() == "RoleBinding" {
			err = unstructured.SetNestedField(u.Object, lease, "roleRef", "name")
		} else {
			err = rename(u, lease)
		}
		if err != nil {
			return nil, err
		}
		rights = append(rights, u)
	}
	if len(rights) != 2 {
		return nil, fmt.Errorf("the installation has %d objects for the rights to the Lease, "+
			"not a Role and what binds it", len(rights))
	}
	return rights, nil
}

// rename puts the name of the Lease into the rules of a Role that name it, or what is called after it.
func rename(role *unstructured.Unstructured, lease string) error {
	rules, _, err := unstructured.NestedSlice(role.Object, "rules")
	if err != nil {
		return err
	}
	for _, rule := range rules {
		rule, ok := rule.(map[string]any)
		if !ok {
			continue
		}
		names, _, err := unstructured.NestedStringSlice(rule, "resourceNames")
		if err != nil {
			return err
		}
		for i, name := range names {
			names[i] = lease + strings.TrimPrefix(name, account)
		}
		if len(names) > 0 {
			if err := unstructured.SetNestedStringSlice(rule, names, "resourceNames"); err != nil {
				return err
			}
		}
	}
	return unstructured.SetNestedSlice(role.Object, rules, "rules")
}

// tenant is who has a Sync: a namespace with a ServiceAccount that may write what the README says, and the Sync.
const tenant = `apiVersion: v1
kind: Namespace
metadata: {name: NAMESPACE}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: NAMESPACE}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer, namespace: NAMESPACE}
rules:
- {apiGroups: [apps], resources: [daemonsets], verbs: [get, list, watch, create, patch, delete]}
- {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch, create, patch, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer, namespace: NAMESPACE}]
---
apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: NAMESPACE}
spec:
  source: {url: "URL", interval: 1s}
  rollout: {settle: 1s, proof: 1s, after: {ImagePull: 1s}}
  apply: {targetNamespace: NAMESPACE, serviceAccountName: deployer}
  report: {provider: Notes}
`

// objectsOf are the objects of a run.
func objectsOf(namespace, url string) ([]*unstructured.Unstructured, error) {
	rights, err := leaseRights(namespace)
	if err != nil {
		return nil, err
	}
	texts := strings.NewReplacer("NAMESPACE", namespace, "URL", url).Replace(tenant)
	for text := range strings.SplitSeq(texts, "---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
			return nil, err
		}
		rights = append(rights, u)
	}
	return rights, nil
}
