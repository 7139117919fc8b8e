package install

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
)

// Uninstalled is what an uninstallation has come to.
type Uninstalled struct {
	Gone manifests.Inventory
	// Theirs are objects of an installation that Apply has not written: those of Helm, or of manifests.
	Theirs []manifests.ID
}

// Uninstall deletes what Apply has written, in the reverse order, so that the controller goes before its rights. The
// namespace stays, and so does the definition of Syncs, because with it all Syncs would be deleted.
func Uninstall(ctx context.Context, config *rest.Config) (u Uninstalled, err error) {
	client, err := manifests.NewClient(config)
	if err != nil {
		return u, err
	}
	reader, err := dynamic.NewForConfig(config)
	if err != nil {
		return u, fmt.Errorf("cluster connection: %w", err)
	}
	objects, err := All(Options{Page: true, Monitoring: true})
	if err != nil {
		return u, err
	}
	asked := map[manifests.ID]bool{}
	for _, o := range objects {
		asked[manifests.IDOf(o)] = true
	}
	goes, theirs, err := standing(ctx, client, objects)
	u.Theirs = theirs
	if err != nil {
		return u, err
	}
	further, _, err := opened(ctx, reader, asked) // RoleBindings in the namespaces of Syncs
	if err != nil {
		return u, err
	}
	gone, kept, err := client.Prune(ctx, append(goes, further...), manifests.Options{Owner: Owner})
	for _, k := range kept {
		err = errors.Join(err, fmt.Errorf("%s stays: %s", k.ID, k.Reason))
	}
	u.Gone = gone
	return u, err
}

// standing tells which of these objects are there: those that Apply has written, and by their names those that are
// somebody else's. The namespace and the definition of Syncs are not told of.
func standing(ctx context.Context, client *manifests.Client, objects []*unstructured.Unstructured) (
	ours manifests.Inventory, theirs []manifests.ID, err error) {
	for _, o := range objects {
		id := manifests.IDOf(o)
		live, err := client.Get(ctx, id)
		switch {
		case err != nil:
			return nil, theirs, err
		case live == nil || id.Kind == "Namespace" || id.Kind == "CustomResourceDefinition":
		case live.GetLabels()[manifests.OwnerLabel] != Owner.Label():
			theirs = append(theirs, id)
		default:
			ours = append(ours, manifests.Entry{ID: id, Version: o.GroupVersionKind().Version, UID: live.GetUID()})
		}
	}
	return ours, theirs, nil
}
