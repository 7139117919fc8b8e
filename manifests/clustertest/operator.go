package clustertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// PrometheusKinds has the API server know the kinds of Prometheus' operator that install writes, as somebody else would
// have installed them. It waits until they are served.
func (c *Cluster) PrometheusKinds(t testing.TB) {
	t.Helper()
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1",
		Resource: "customresourcedefinitions"})
	kinds := map[string]string{"podmonitors": "PodMonitor", "prometheusrules": "PrometheusRule"}
	for plural, kind := range kinds {
		if _, err := definitions.Create(t.Context(), definition(plural, kind), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	served := discovery.NewDiscoveryClientForConfigOrDie(c.Config)
	Until(t, time.Minute, "Prometheus' kinds to be served", func() (string, bool) {
		list, err := served.ServerResourcesForGroupVersion(operatorGroup + "/v1")
		if err != nil {
			return err.Error(), false
		}
		for _, kind := range kinds {
			if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind }) {
				return fmt.Sprint(list.APIResources), false
			}
		}
		return "", true
	})
}

const operatorGroup = "monitoring.coreos.com"

// definition is that of a kind of the operator's that takes everything.
func definition(plural, kind string) *unstructured.Unstructured {
	type object = map[string]any
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": plural + "." + operatorGroup},
		"spec": object{"group": operatorGroup, "scope": "Namespaced",
			"names": object{"plural": plural, "kind": kind},
			"versions": []any{object{"name": "v1", "served": true, "storage": true, "schema": object{
				"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}}}
}
