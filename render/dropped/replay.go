package dropped

import (
	"errors"

	apijson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/filters/patchjson6902"
	"sigs.k8s.io/kustomize/api/filters/patchstrategicmerge"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// replay has kustomize's own filters put the patches of one object on what its file says, as far as one of them: what
// the object was before it and after it. Nothing else that kustomize does moves or removes what a patch puts there.
func (h *history) replay(until *edit, t *tracked) (before, after map[string]any, ok bool) {
	object, err := yaml.FromMap(h.source(t)) // written out: without aliases
	if err != nil || object.IsNilOrEmpty() {
		return nil, nil, false
	}
	for _, e := range t.edits {
		if e.chooses() && e != until && !e.selects(t.final) { // it may have been chosen at that time
			return nil, nil, false
		}
		if e == until {
			before = plain(object)
		}
		if !h.spend(t.size) || e.put(object) != nil || object.IsNilOrEmpty() {
			return nil, nil, false
		}
		if e == until {
			after = plain(object)
			return before, after, before != nil && after != nil
		}
	}
	return nil, nil, false
}

// after is what the first operations of a JSON patch make of an object.
func (e *edit) after(operations int, before map[string]any) (map[string]any, bool) {
	var all []any
	if operations == 0 {
		return before, true
	}
	if sigsyaml.Unmarshal([]byte(e.text), &all) != nil || operations > len(all) {
		return nil, false
	}
	text, errText := sigsyaml.Marshal(all[:operations])
	object, errObject := yaml.FromMap(before)
	if errText != nil || errObject != nil {
		return nil, false
	}
	if (&edit{text: string(text)}).put(object) != nil {
		return nil, false
	}
	then := plain(object)
	return then, then != nil
}

var errNoMap = errors.New("is no map")

// put puts a patch on an object.
func (e *edit) put(object *yaml.RNode) error {
	if e.merge == nil {
		_, err := patchjson6902.Filter{Patch: e.text}.Filter([]*yaml.RNode{object})
		return err
	}
	patch, err := yaml.FromMap(e.merge)
	if err != nil {
		return err
	}
	patch.SetApiVersion(object.GetApiVersion())
	patch.SetKind(object.GetKind())
	result, err := patchstrategicmerge.Filter{Patch: patch}.Filter([]*yaml.RNode{object})
	if err != nil {
		return err
	}
	if len(result) != 1 {
		return errNoMap
	}
	object.SetYNode(result[0].YNode())
	return nil
}

// plain is an object as JSON has it, nil if it is none.
func plain(object *yaml.RNode) map[string]any {
	content, err := object.MarshalJSON()
	var values map[string]any
	if err != nil || apijson.Unmarshal(content, &values) != nil {
		return nil
	}
	return values
}

// source is an object as its file has it, nil if that is not known.
func (h *history) source(t *tracked) map[string]any {
	if node, _ := h.sourceNode(t); node != nil {
		return plain(yaml.NewRNode(node))
	}
	return nil
}

// sourceNode finds the object in its file, and the line that it begins on.
func (h *history) sourceNode(t *tracked) (*yaml.Node, int) {
	nodes, known := h.sources[t.file]
	if !known {
		if file, err := h.render.File(t.file); err == nil {
			nodes = yamlfile.Objects(file.Content)
		}
		h.sources[t.file] = nodes
	}
	if t.file == "" || t.index >= len(nodes) {
		return nil, 0
	}
	return nodes[t.index].Node, nodes[t.index].Line
}
