// Package storage has the API server store the objects of a definition in the version that the definition stores now,
// so that an older version can be taken out of the definition.
package storage

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// definition is what matters here of a CustomResourceDefinition (apiextensions.k8s.io/v1).
type definition struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Group string `json:"group"`
		Names struct {
			Plural string `json:"plural"`
			Kind   string `json:"kind"`
		} `json:"names"`
		Versions   []version `json:"versions"`
		Conversion struct {
			Strategy string `json:"strategy"`
		} `json:"conversion"`
	} `json:"spec"`
	Status struct {
		StoredVersions []string `json:"storedVersions"`
	} `json:"status"`
}

type version struct {
	Name    string `json:"name"`
	Served  bool   `json:"served"`
	Storage bool   `json:"storage"`
}

// plan is how the objects of a definition are stored, and are to be.
type plan struct {
	name       string // of the definition
	kind       string
	resource   schema.GroupResource
	version    string   // in which an object is stored when it is written
	older      []string // other versions in which objects may be stored
	readable   []string // those of them that are still served
	sameFields bool     // the definition converts by the name of the version alone: a field is called the same in all

	generation      int64
	resourceVersion string // of the definition, as it was read
}

// planOf reads a definition.
func planOf(o *unstructured.Unstructured) (p plan, err error) {
	var d definition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &d); err != nil {
		return p, fmt.Errorf("CustomResourceDefinition %s: %w", o.GetName(), err)
	}
	p = plan{name: d.Metadata.Name, kind: d.Spec.Names.Kind,
		resource:   schema.GroupResource{Group: d.Spec.Group, Resource: d.Spec.Names.Plural},
		sameFields: d.Spec.Conversion.Strategy != "Webhook",
		generation: d.Metadata.Generation, resourceVersion: d.Metadata.ResourceVersion}
	at := slices.IndexFunc(d.Spec.Versions, func(v version) bool { return v.Storage })
	switch {
	case at < 0:
		return p, fmt.Errorf("CustomResourceDefinition %s: none of its versions is stored", p.name)
	case !d.Spec.Versions[at].Served:
		return p, fmt.Errorf("CustomResourceDefinition %s: version %s is stored and not served, so that no object "+
			"can be written in it: serve it first", p.name, d.Spec.Versions[at].Name)
	}
	p.version = d.Spec.Versions[at].Name
	for _, stored := range d.Status.StoredVersions {
		if stored == p.version {
			continue
		}
		p.older = append(p.older, stored)
		if slices.ContainsFunc(d.Spec.Versions, func(v version) bool { return v.Name == stored && v.Served }) {
			p.readable = append(p.readable, stored)
		}
	}
	return p, nil
}

// in is the resource in one of its versions.
func (p plan) in(version string) schema.GroupVersionResource { return p.resource.WithVersion(version) }

// apiVersion is what an object of the version that is stored says of itself.
func (p plan) apiVersion() string {
	return schema.GroupVersion{Group: p.resource.Group, Version: p.version}.String()
}
