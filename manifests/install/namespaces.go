package install

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
)

// syncsRole is the ClusterRole with what the controller needs in the namespaces of Syncs; what binds it is called so
// too.
const syncsRole = "daemongate-syncs"

// allNamespaces is the argument of the controller that looks after all.
const allNamespaces = "--all-namespaces"

// CheckNamespaces refuses names that are none.
func CheckNamespaces(names []string) error {
	for _, name := range names {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return fmt.Errorf("--namespaces: %q is no name of a namespace: %s", name, strings.Join(problems, "; "))
		}
	}
	return nil
}

// lookAfter is the argument that says whose Syncs the controller looks after.
func (o Options) lookAfter() string {
	if len(o.Namespaces) == 0 {
		return allNamespaces
	}
	return `"--namespaces=` + strings.Join(o.Namespaces, ",") + `"`
}

// bind puts a RoleBinding in each namespace in the place of the ClusterRoleBinding of the rights for Syncs.
func (o Options) bind(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	if len(o.Namespaces) == 0 {
		return objects
	}
	var bound []*unstructured.Unstructured
	for _, u := range objects {
		if u.GetKind() != "ClusterRoleBinding" || u.GetName() != syncsRole {
			bound = append(bound, u)
			continue
		}
		for _, namespace := range o.Namespaces {
			one := u.DeepCopy()
			one.SetKind("RoleBinding")
			one.SetNamespace(namespace)
			bound = append(bound, one)
		}
	}
	return bound
}

// bindings are the kinds by which an installation gives rights.
var bindings = []schema.GroupVersionResource{
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
}

// takeBack deletes the bindings of an earlier installation that this one does not ask for. A set without any, as the
// Sync resource alone, takes nothing back.
func takeBack(ctx context.Context, config *rest.Config, client *manifests.Client, set manifests.Set) error {
	asked, binds := map[manifests.ID]bool{}, false
	for _, id := range set.IDs() {
		asked[id] = true
		binds = binds || id.Kind == "ClusterRoleBinding"
	}
	if !binds {
		return nil
	}
	reader, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("cluster connection: %w", err)
	}
	var goes manifests.Inventory
	for _, kind := range bindings {
		list, err := reader.Resource(kind).List(ctx,
			metav1.ListOptions{LabelSelector: manifests.OwnerLabel + "=" + Owner.Label()})
		if err != nil {
			return fmt.Errorf("list %s of earlier installations: %w", kind.Resource, err)
		}
		for i := range list.Items {
			if id := manifests.IDOf(&list.Items[i]); !asked[id] {
				goes = append(goes, manifests.Entry{ID: id, Version: kind.Version, UID: list.Items[i].GetUID()})
			}
		}
	}
	_, kept, err := client.Prune(ctx, goes, manifests.Options{Owner: Owner})
	for _, k := range kept {
		err = errors.Join(err, fmt.Errorf("%s gives rights that are no longer asked for, and stays: %s", k.ID,
			k.Reason))
	}
	return err
}
