// Package install holds the manifests that install Daemongate itself.
package install

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
)

//go:embed daemongate.io_syncs.yaml
var crd string

//go:embed daemongate.yaml
var controller string

//go:embed page.yaml
var page string

// Owner is who the installed objects belong to.
var Owner = manifests.Owner{Namespace: "daemongate-system", Name: "install"}

// Options are what can be chosen about an installation.
type Options struct {
	// Image of the controller.
	Image string
	// ClusterName tells the reports of several clusters about one commit apart; the controller finds one if it is
	// empty.
	ClusterName string
	// Namespaces are those whose Syncs the controller looks after, and in which it has the rights for it; all if empty.
	Namespaces []string
	// Page has the controller serve the page, which does nothing without PageActions.
	Page, PageActions bool
	// Monitoring adds what Prometheus' operator and Grafana read. The operator's kinds must be there.
	Monitoring bool
	// Resources of the controller's container.
	Resources Resources
}

// CRD is the definition of the Sync resource.
func CRD() ([]*unstructured.Unstructured, error) { return parse(crd) }

// All is everything that runs Daemongate in a cluster, the definition of the Sync resource included.
func All(o Options) ([]*unstructured.Unstructured, error) {
	text := crd + "\n---\n" + controller
	if o.Page {
		text += "\n---\n" + page
	}
	objects, err := parse(text)
	if err != nil {
		return nil, err
	}
	for _, u := range objects {
		if u.GetKind() == "Deployment" {
			if err := o.set(u); err != nil {
				return nil, err
			}
		}
	}
	if o.Monitoring {
		more, err := monitors()
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return o.bind(objects), nil
}

// Apply writes objects to a cluster, whole or not at all.
func Apply(ctx context.Context, config *rest.Config, objects []*unstructured.Unstructured) error {
	client, set, err := try(ctx, config, objects)
	if err != nil {
		return err
	}
	if _, err = client.Apply(ctx, set, options); err != nil {
		return err
	}
	return takeBack(ctx, config, client, set)
}

// Try asks the API server whether it would take objects, and writes nothing. The error joins what it says to each that
// it would refuse.
func Try(ctx context.Context, config *rest.Config, objects []*unstructured.Unstructured) error {
	_, _, err := try(ctx, config, objects)
	return err
}

// Place is where the API server has objects of one kind; in no namespace for what has none.
type Place struct {
	Resource  schema.GroupVersionResource
	Namespace string
}

// where says to which places objects would be written.
func where(ctx context.Context, client *manifests.Client, objects []*unstructured.Unstructured) ([]Place, error) {
	set, err := manifests.NewSet(objects)
	if err != nil {
		return nil, err
	}
	resources, err := client.Resources(ctx, set)
	if err != nil {
		return nil, err
	}
	var places []Place
	for _, id := range set.IDs() {
		if at := (Place{resources[id], id.Namespace}); !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	return places, nil
}

// options are those with which an installation is written.
var options = manifests.Options{Owner: Owner, DefaultNamespace: Owner.Namespace}

func try(ctx context.Context, config *rest.Config, objects []*unstructured.Unstructured) (*manifests.Client,
	manifests.Set, error) {
	client, err := manifests.NewClient(config)
	if err != nil {
		return nil, manifests.Set{}, err
	}
	set, err := manifests.NewSet(objects)
	if err != nil {
		return nil, set, err
	}
	if set, err = client.Resolve(ctx, set, options); err != nil {
		return nil, set, err
	}
	return client, set, client.DryRun(ctx, set, options)
}

func parse(text string) ([]*unstructured.Unstructured, error) {
	documents := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		u := &unstructured.Unstructured{}
		err := documents.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
}
