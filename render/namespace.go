package render

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// setNamespace is a kustomization file with another namespace, or with one.
func setNamespace(content []byte, namespace string) ([]byte, error) {
	file, err := yaml.Parse(string(content))
	if err != nil {
		return nil, err
	}
	for key, value := range pairs(file.YNode()) {
		if strings.EqualFold(key.Value, "namespace") {
			anchor := value.Anchor
			*value = *yaml.NewStringRNode(namespace).YNode()
			value.Anchor = anchor
			text, err := file.String()
			return []byte(text), err
		}
	}
	if err := file.PipeE(yaml.SetField("namespace", yaml.NewStringRNode(namespace))); err != nil {
		return nil, err
	}
	text, err := file.String()
	return []byte(text), err
}
