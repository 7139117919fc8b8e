package grouped

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// divisible says whether a kustomization holds only what treats each object by itself, apart from names, which are
// followed. A field that a later kustomize adds is not divisible until somebody has looked at it.
func divisible(k types.Kustomization) bool {
	for _, label := range k.Labels {
		if len(label.FieldSpecs) > 0 { // it could put a label where a name is looked for
			return false
		}
	}
	known := types.Kustomization{
		TypeMeta: k.TypeMeta, MetaData: k.MetaData, Resources: k.Resources, Components: k.Components,
		Namespace: k.Namespace, NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix,
		Labels: k.Labels, CommonLabels: k.CommonLabels, CommonAnnotations: k.CommonAnnotations, Images: k.Images,
		ConfigMapGenerator: k.ConfigMapGenerator, SecretGenerator: k.SecretGenerator,
		GeneratorOptions: k.GeneratorOptions, Patches: k.Patches,
	}
	return reflect.DeepEqual(k, known)
}

// marks are the labels and annotations that a kustomization puts into objects.
func marks(k types.Kustomization) (words []string) {
	put := func(pairs map[string]string) { words = append(words, slices.Collect(maps.Values(pairs))...) }
	put(k.CommonLabels)
	put(k.CommonAnnotations)
	for _, label := range k.Labels {
		put(label.Pairs)
	}
	return words
}

// instructions are found in annotations that tell kustomize what to do with an object.
var instructions = []string{"config.kubernetes.io", "config.k8s.io"}

// texts adds the texts of a node to others; it is not known what to make of an object that gives kustomize
// instructions, or is merged out of several places.
func texts(words []string, n *yaml.Node) (all []string, known bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode {
		for _, instruction := range instructions {
			if strings.Contains(n.Value, instruction) {
				return words, false
			}
		}
		if n.Tag == yaml.MergeTag {
			return words, false
		}
		return append(words, n.Value), true
	}
	for _, c := range n.Content {
		if words, known = texts(words, c); !known {
			return words, false
		}
	}
	return words, true
}

// plainAnnotations says whether the annotations of an object, if it has any, are texts: kustomize writes them anew,
// and leaves empty ones out, if it has noted something among them in between, such as who refers to the object.
func plainAnnotations(object *yaml.Node) bool {
	metadata := yamlfile.Field(object, "metadata")
	if metadata == nil {
		return true
	}
	if metadata.Kind != yaml.MappingNode {
		return false
	}
	for key, value := range yamlfile.Pairs(metadata) {
		if key.Value == "annotations" {
			return textsOnly(value)
		}
	}
	return true
}

func textsOnly(annotations *yaml.Node) bool {
	if annotations.Kind != yaml.MappingNode || len(annotations.Content) == 0 {
		return false
	}
	for key, value := range yamlfile.Pairs(annotations) {
		if strings.HasPrefix(key.Value, "$") || value.Kind != yaml.ScalarNode || value.Tag != yaml.NodeTagString {
			return false
		}
	}
	return true
}
