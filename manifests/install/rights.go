package install

import (
	"context"
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
)

// Right is to do something where the API server has objects of one kind; in all namespaces if it is in none.
type Right struct {
	Verb string
	Place
}

// Rights are what is done in a cluster, by whoever installs.
type Rights struct {
	// Install are those that every installation takes.
	Install []Right
	// Remove are those that are taken, besides, to take back what an earlier installation has brought, and to
	// uninstall.
	Remove []Right
}

// RightsFor says which rights an installation takes.
func RightsFor(ctx context.Context, config *rest.Config, o Options) (r Rights, err error) {
	client, err := manifests.NewClient(config)
	if err != nil {
		return r, err
	}
	objects, err := All(o)
	if err != nil {
		return r, err
	}
	writes, err := where(ctx, client, objects)
	if err != nil {
		return r, err
	}
	o.Page, o.Monitoring = true, true
	if objects, err = All(o); err != nil {
		return r, err
	}
	var stands []Place
	for _, u := range objects {
		at, err := where(ctx, client, []*unstructured.Unstructured{u})
		if rejected := (*manifests.Rejected)(nil); errors.As(err, &rejected) {
			continue // a kind that is not there has no objects
		}
		if err != nil {
			return r, err
		}
		stands = append(stands, at...)
	}
	return rightsFor(writes, stands), nil
}

// syncs are counted when the controller is uninstalled.
var syncs = schema.GroupVersionResource{Group: "daemongate.io", Version: "v1alpha1", Resource: "syncs"}

// rightsFor says which rights it takes to write to places, and to find and delete what stands in others.
func rightsFor(writes, stands []Place) (r Rights) {
	for _, at := range writes {
		r.Install = with(r.Install, at, "get", "create", "patch")
	}
	for _, at := range stands {
		r.Install = with(r.Install, at, "get")
		if name := at.Resource.Resource; name != "namespaces" && name != "customresourcedefinitions" {
			r.Remove = with(r.Remove, at, "delete")
		}
	}
	for _, kind := range opening {
		at := Place{kind.GroupVersionResource, kind.namespace}
		r.Install = with(r.Install, at, "list")
		r.Remove = with(r.Remove, at, "get", "delete")
	}
	r.Remove = with(r.Remove, Place{Resource: syncs}, "list")
	return r
}

// with adds rights that are not among those yet.
func with(all []Right, at Place, verbs ...string) []Right {
	for _, verb := range verbs {
		if right := (Right{verb, at}); !slices.Contains(all, right) {
			all = append(all, right)
		}
	}
	return all
}
