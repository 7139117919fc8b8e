package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// fieldManager is the manager of what the commands write; the controller's own is manifests'.
const fieldManager = "daemongate-cli"

// installSync installs the Sync resource and the Sync of a file, in its namespace, which is made if missing.
func installSync(ctx context.Context, config *rest.Config, file, namespace string) (*api.Sync, error) {
	s, content, err := readSync(file)
	if err != nil {
		return nil, err
	}
	if s.Namespace == "" {
		s.Namespace = namespace
		content.SetNamespace(namespace)
	}
	crd, err := install.CRD()
	if err != nil {
		return nil, err
	}
	if err := install.Apply(ctx, config, crd); err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if err := makeNamespace(ctx, client, s.Namespace); err != nil {
		return nil, err
	}
	_, err = client.Resource(api.Resource).Namespace(s.Namespace).Apply(ctx, s.Name, content,
		metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// readSync reads a file with one Sync, and returns it also as it was written: without the zero values that would
// stand in the way of the API server's defaults. A field that does not exist is an error.
func readSync(file string) (*api.Sync, *unstructured.Unstructured, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	s, u := &api.Sync{}, &unstructured.Unstructured{}
	if err := errors.Join(yaml.UnmarshalStrict(text, s), yaml.Unmarshal(text, &u.Object)); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	switch {
	case s.APIVersion != api.GroupVersion.String() || s.Kind != api.Kind.Kind:
		err = fmt.Errorf("want apiVersion %s and kind %s, not %q and %q", api.GroupVersion, api.Kind.Kind, s.APIVersion,
			s.Kind)
	case s.Name == "":
		err = errors.New("metadata.name is missing")
	case s.Spec.Source.URL == "":
		err = errors.New("spec.source.url is missing")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, u, nil
}

func makeNamespace(ctx context.Context, client dynamic.Interface, name string) error {
	namespaces := client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces"))
	_, err := namespaces.Get(ctx, name, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("v1")
	u.SetKind("Namespace")
	u.SetName(name)
	_, err = namespaces.Create(ctx, u, metav1.CreateOptions{FieldManager: fieldManager})
	return err
}
