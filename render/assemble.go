package render

import (
	"fmt"
	"reflect"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
)

// functions are the annotations by which an object has kustomize start a container or a program.
var functions = []string{"config.kubernetes.io/function", "config.k8s.io/function"}

// assembles refuses the fields of a folder of plugins that could put together a plugin that stands in no file, and that
// nobody has looked into therefore: patches and replacements, generators and transformers of their own, and whatever
// widens the reach of another field. What only names, labels or annotates the objects of the folder is kustomize's to
// do, and of no consequence for most plugins; a field that a later kustomize adds is refused until somebody has looked
// at it.
func (k kustomization) assembles() error {
	refuse := func(field, why string) error {
		return fmt.Errorf("line %d: %s: is refused in a folder that is listed as a generator, transformer or "+
			"validator: %s", k.keyLine(field), field, why)
	}
	for _, function := range functions {
		if _, ok := k.CommonAnnotations[function]; ok {
			return refuse("commonAnnotations", function+" starts a container or program, and none is started for a "+
				"render")
		}
	}
	for _, label := range k.Labels {
		if len(label.FieldSpecs) > 0 {
			return refuse("labels", "its fields could put together a plugin that stands in no file; label without them")
		}
	}
	rest := k.Kustomization
	harmless := types.Kustomization{
		TypeMeta: rest.TypeMeta, MetaData: rest.MetaData, Resources: rest.Resources, Components: rest.Components,
		Namespace: rest.Namespace, NamePrefix: rest.NamePrefix, NameSuffix: rest.NameSuffix,
		Labels: rest.Labels, CommonLabels: rest.CommonLabels, CommonAnnotations: rest.CommonAnnotations,
		Images: rest.Images, Replicas: rest.Replicas, Vars: rest.Vars, GeneratorOptions: rest.GeneratorOptions,
		SortOptions: rest.SortOptions, BuildMetadata: rest.BuildMetadata,
	}
	all, known := reflect.ValueOf(rest), reflect.ValueOf(harmless)
	for i := range all.NumField() {
		if !all.Field(i).IsZero() && known.Field(i).IsZero() {
			field, _, _ := strings.Cut(all.Type().Field(i).Tag.Get("json"), ",")
			return refuse(field, "it could put together a plugin that stands in no file; write the plugins out as "+
				"they shall be")
		}
	}
	return nil
}
