package dropped

import (
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apilabels "k8s.io/apimachinery/pkg/labels"
	apijson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// patchPlace is where a patch is listed: by a field of a kustomization file that names a file, or holds it.
type patchPlace struct{ own, field, named string }

// edit is one strategic merge patch, or one JSON patch, and what it is meant for.
type edit struct {
	at     patchPlace
	file   string         // that holds it, "" if the kustomization does
	line   int            // in that file
	merge  map[string]any // a strategic merge patch
	ops    []operation    // a JSON patch
	text   string         // of the JSON patch
	target *types.Selector
	to     []*tracked
}

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patchAt notes a patch of a file, or an inline one, with the objects that it is meant for.
func (h *history) patchAt(at patchPlace, file, inline string, target *types.Selector, objects []*tracked) {
	text := inline
	if file != "" {
		named := path.Join(path.Dir(at.own), file)
		switch found, err := h.render.File(named); {
		case err == nil:
			text, file = string(found.Content), named
		default: // patchesStrategicMerge can hold the patch itself
			text, file = file, ""
		}
	}
	docs, err := yamlfile.Parse([]byte(text))
	if err != nil {
		return
	}
	for _, doc := range docs {
		e := &edit{at: at, file: file, target: target}
		if doc.Node == nil || !e.parse(doc, text) {
			continue
		}
		h.strange = h.strange || e.renames()
		h.put.patched(e)
		e.to = h.targets(e, objects)
		for _, t := range e.to {
			t.edits = append(t.edits, e)
		}
		h.edits = append(h.edits, e)
	}
}

// parse reads a patch as kustomize does.
func (e *edit) parse(doc yamlfile.Document, text string) bool {
	e.line = doc.Line(doc.Node)
	if doc.Node.Kind == yaml.SequenceNode {
		e.text = text
		return sigsyaml.Unmarshal([]byte(text), &e.ops) == nil
	}
	content, err := yaml.NewRNode(doc.Node).MarshalJSON()
	return err == nil && apijson.Unmarshal(content, &e.merge) == nil
}

// renames reports whether a patch can change what an object is called.
func (e *edit) renames() bool {
	for _, op := range e.ops {
		if op.Path == "" || op.Path == "/metadata" || op.Path == "/kind" || op.Path == "/apiVersion" ||
			strings.HasPrefix(op.Path, "/metadata/name") {
			return true
		}
	}
	return false
}

// targets are the objects that a patch is meant for, whatever their labels and annotations are.
func (h *history) targets(e *edit, objects []*tracked) (found []*tracked) {
	if e.target == nil {
		return e.itself(objects)
	}
	selector, err := types.NewSelectorRegex(e.target)
	if err != nil || !h.spend(len(objects)) {
		return nil
	}
	for _, t := range objects {
		first, now := t.ids[0], t.now()
		if selector.MatchGvk(t.gvk) && (selector.MatchName(first.name) || selector.MatchName(now.name)) &&
			(selector.MatchNamespace(effective(first.namespace)) || selector.MatchNamespace(effective(now.namespace))) {
			found = append(found, t)
		}
	}
	return found
}

// itself is the object that a patch without a target names.
func (e *edit) itself(objects []*tracked) (found []*tracked) {
	named := &unstructured.Unstructured{Object: e.merge}
	group, version := resid.ParseGroupVersion(named.GetAPIVersion())
	gvk, at := resid.NewGvk(group, version, named.GetKind()), location{named.GetNamespace(), named.GetName()}
	for _, t := range objects {
		for _, id := range t.ids {
			if t.gvk.Equals(gvk) && id.same(at) {
				found = append(found, t)
				break
			}
		}
	}
	return found
}

// selects reports whether an object has the labels and annotations that the target asks for, by what came out.
func (e *edit) selects(o *unstructured.Unstructured) bool {
	if e.target == nil {
		return true
	}
	return matches(e.target.LabelSelector, o.GetLabels()) && matches(e.target.AnnotationSelector, o.GetAnnotations())
}

// chooses reports whether the target asks for labels or annotations.
func (e *edit) chooses() bool {
	return e.target != nil && e.target.LabelSelector+e.target.AnnotationSelector != ""
}

func matches(selector string, has map[string]string) bool {
	s, err := apilabels.Parse(selector)
	return err == nil && s.Matches(apilabels.Set(has))
}
