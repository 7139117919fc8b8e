package render

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// move has the kustomization of the folder that is rendered put its objects into the namespace of the options.
func (r *reader) move(named string, k *kustomization) {
	if k.moved = named == r.top && r.limit.Namespace != ""; k.moved {
		k.Namespace = r.limit.Namespace
	}
}

// moveTo writes that into its file.
func (k kustomization) moveTo(c *checked) (err error) {
	if k.moved {
		c.content, err = setNamespace(c.content, k.Namespace)
	}
	return err
}

// setNamespace is a kustomization file with another namespace, or with one.
func setNamespace(content []byte, namespace string) ([]byte, error) {
	file, err := yaml.Parse(string(content))
	if err != nil {
		return nil, err
	}
	for key, value := range yamlfile.Pairs(file.YNode()) {
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
