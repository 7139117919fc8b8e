package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
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

// CheckNamespaces refuses names that are none, and what is named twice, which kustomize and Helm would refuse.
func CheckNamespaces(names []string) error {
	for i, name := range names {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return fmt.Errorf("--namespaces: %q is no name of a namespace: %s", name, strings.Join(problems, "; "))
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("--namespaces: %s is named twice", name)
		}
	}
	return nil
}

// lookAfter is the argument that says whose Syncs the controller looks after.
func (o Options) lookAfter() string {
	if len(o.Namespaces) == 0 {
		return allNamespaces
	}
	return "--namespaces=" + strings.Join(o.Namespaces, ",")
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

// opening are the kinds by which an installation gives rights, in which namespace it has them (empty for any), and what
// one does that is left over.
var opening = []struct {
	schema.GroupVersionResource
	namespace, does string
}{
	{rbacv1.SchemeGroupVersion.WithResource("clusterrolebindings"), "", "gives a right"},
	{rbacv1.SchemeGroupVersion.WithResource("rolebindings"), "", "gives a right"},
	{corev1.SchemeGroupVersion.WithResource("services"), Owner.Namespace, "leads to a port"},
	{networkingv1.SchemeGroupVersion.WithResource("networkpolicies"), Owner.Namespace, "opens a port"},
}

// takeBack deletes what an earlier installation has brought and this one does not ask for: bindings, what leads to the
// page, and what has Prometheus watch, whose alert would else go on to fire once nobody may read the metrics. A set
// without any binding, as the Sync resource alone, takes nothing back.
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
	watching, err := unwanted(ctx, client, asked)
	if err != nil {
		return err
	}
	for _, e := range watching {
		asked[e.ID] = true // so that the binding among them is not found once more
	}
	goes, does, err := opened(ctx, reader, asked)
	if err != nil {
		return err
	}
	for _, e := range watching {
		does[e.ID] = "has Prometheus watch"
	}
	_, kept, err := client.Prune(ctx, append(goes, watching...), manifests.Options{Owner: Owner})
	for _, k := range kept {
		err = errors.Join(err, fmt.Errorf("%s %s that is no longer asked for, and stays: %s", k.ID, does[k.ID],
			k.Reason))
	}
	return err
}

// unwanted is what has Prometheus watch, is of an earlier installation and is not asked for.
func unwanted(ctx context.Context, client *manifests.Client, asked map[manifests.ID]bool) (manifests.Inventory, error) {
	objects, err := monitors()
	if err != nil {
		return nil, err
	}
	objects = slices.DeleteFunc(objects, func(u *unstructured.Unstructured) bool { return asked[manifests.IDOf(u)] })
	goes, _, err := standing(ctx, client, objects)
	return goes, err
}

// opened are the objects of earlier installations that open something and are not asked for, and what each does.
func opened(ctx context.Context, reader dynamic.Interface, asked map[manifests.ID]bool) (manifests.Inventory,
	map[manifests.ID]string, error) {
	var goes manifests.Inventory
	does := map[manifests.ID]string{}
	for _, kind := range opening {
		list, err := reader.Resource(kind.GroupVersionResource).Namespace(kind.namespace).List(ctx,
			metav1.ListOptions{LabelSelector: manifests.OwnerLabel + "=" + Owner.Label()})
		if err != nil {
			return nil, nil, fmt.Errorf("list %s of earlier installations: %w", kind.Resource, err)
		}
		for i := range list.Items {
			if id := manifests.IDOf(&list.Items[i]); !asked[id] {
				does[id] = kind.does
				goes = append(goes, manifests.Entry{ID: id, Version: kind.Version, UID: list.Items[i].GetUID()})
			}
		}
	}
	return goes, does, nil
}
