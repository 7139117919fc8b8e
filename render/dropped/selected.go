package dropped

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	apilabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	sigsyaml "sigs.k8s.io/yaml"
)

// marks are the labels and annotations that kustomizations and patches put on objects, whichever objects these are.
type marks struct {
	values  map[string][]string
	unknown bool // there are others, of which nothing is known
}

func (m *marks) put(pairs map[string]string) {
	if m.values == nil {
		m.values = map[string][]string{}
	}
	for key, value := range pairs {
		m.values[key] = append(m.values[key], value)
	}
}

// patched takes in what a patch puts on objects.
func (m *marks) patched(e *edit) {
	metadata, _ := e.merge["metadata"].(map[string]any)
	for _, field := range []string{"labels", "annotations"} {
		pairs, _ := metadata[field].(map[string]any)
		for key, value := range pairs {
			m.put(map[string]string{key: fmt.Sprint(value)})
		}
	}
	m.unknown = m.unknown || slices.ContainsFunc(e.ops, func(op operation) bool {
		return op.Path == "" || strings.HasPrefix(op.Path, "/metadata") && op.Op != "test"
	})
}

// may reports whether an object that has these labels, or annotations, in its file can be one that a selector asks for.
func (m *marks) may(text string, has map[string]string) bool {
	selector, err := apilabels.Parse(text)
	if err != nil || m.unknown || strings.Contains(text, "config") && strings.Contains(text, "kubernetes.io/") {
		return true
	}
	requirements, _ := selector.Requirements()
	return !slices.ContainsFunc(requirements, func(r apilabels.Requirement) bool {
		switch r.Operator() {
		case selection.Equals, selection.DoubleEquals, selection.In, selection.Exists, selection.GreaterThan,
			selection.LessThan:
		default:
			return false
		}
		values := m.values[r.Key()]
		if value, there := has[r.Key()]; there {
			values = append(slices.Clip(values), value)
		}
		return !slices.ContainsFunc(values, func(value string) bool { return r.Matches(apilabels.Set{r.Key(): value}) })
	})
}

// mayChoose reports whether an object can have the labels and annotations that a selector asks for. Those of an object
// without a file are not known.
func (h *history) mayChoose(s *types.Selector, t *tracked) bool {
	if s.LabelSelector == "" && s.AnnotationSelector == "" || t.file == "" {
		return true
	}
	o := final{Object: h.source(t)}
	if o.Object == nil {
		return true
	}
	return h.put.may(s.LabelSelector, o.GetLabels()) && h.put.may(s.AnnotationSelector, o.GetAnnotations())
}

// untargeted says that a patch has a target, which is no object.
func (h *history) untargeted(e *edit) []string {
	if e.target == nil || h.strange || !e.puts() && !e.deletesOne() {
		return nil
	}
	if slices.ContainsFunc(e.to, func(t *tracked) bool { return h.mayChoose(e.target, t) }) {
		return nil
	}
	return []string{fmt.Sprintf("%s: its target (%s) is no object, so that it does nothing: correct the target or "+
		"remove the patch", h.listed(e), described(e.target))}
}

// deletesOne reports whether a patch deletes an object that its target names: one that asks for any of a kind may find
// none.
func (e *edit) deletesOne() bool {
	return e.merge["$patch"] == "delete" && e.target.Name != "" && regexp.QuoteMeta(e.target.Name) == e.target.Name
}

func described(s *types.Selector) string {
	var parts []string
	for _, part := range []struct{ is, value string }{
		{"group", s.Group}, {"version", s.Version}, {"kind", s.Kind}, {"name", s.Name}, {"namespace", s.Namespace},
		{"labelSelector", s.LabelSelector}, {"annotationSelector", s.AnnotationSelector},
	} {
		if part.value != "" {
			parts = append(parts, part.is+" "+part.value)
		}
	}
	return strings.Join(parts, ", ")
}

// replacing is a target of a replacement, and the objects that it can be meant for by kind and name.
type replacing struct {
	own    string
	place  string
	target *types.TargetSelector
	to     []*tracked
}

// replacementsOf notes the targets of a kustomization's replacements, until one of them can rename objects.
func (h *history) replacementsOf(own string, k *types.Kustomization, objects []*tracked) {
	named := !h.strange && len(k.Configurations)+len(k.Crds) == 0
	for i, field := range k.Replacements {
		for j, one := range h.readReplacements(path.Dir(own), field) {
			place := fmt.Sprintf("replacements[%d]", i)
			if field.Path != "" {
				place += fmt.Sprintf(" (%s, entry %d)", field.Path, j)
			}
			for n, target := range one.Targets {
				if target == nil || target.Select == nil {
					continue
				}
				if named {
					h.replacing = append(h.replacing, replacing{own, fmt.Sprintf("%s.targets[%d]", place, n), target,
						h.selected(target, objects)})
				}
				named = named && len(target.FieldPaths) > 0 && !slices.ContainsFunc(target.FieldPaths, ofIdentity)
				h.put.unknown = h.put.unknown || slices.ContainsFunc(target.FieldPaths,
					func(path string) bool { return strings.HasPrefix(path, "metadata") })
			}
		}
	}
}

// ofIdentity reports whether a field of an object says what it is called.
func ofIdentity(path string) bool {
	return slices.Contains([]string{"metadata", "metadata.name", "metadata.namespace", "kind", "apiVersion"}, path)
}

func (h *history) readReplacements(dir string, field types.ReplacementField) []types.Replacement {
	if field.Path == "" {
		return []types.Replacement{field.Replacement}
	}
	file, err := h.render.File(strings.TrimPrefix(dir+"/"+field.Path, "./"))
	if err != nil {
		return nil
	}
	var many []types.Replacement
	var one types.Replacement
	if sigsyaml.Unmarshal(file.Content, &many) == nil {
		return many
	}
	if sigsyaml.Unmarshal(file.Content, &one) == nil {
		return []types.Replacement{one}
	}
	return nil
}

// selected are the objects that a target selects by any name that they have had, and does not reject.
func (h *history) selected(target *types.TargetSelector, objects []*tracked) (found []*tracked) {
	chooser, err := types.NewTargetSelectorRegex(target)
	if err != nil || !h.spend(len(objects)) {
		return objects
	}
	for _, t := range objects {
		var ids []resid.ResId
		for _, id := range t.ids {
			ids = append(ids, resid.ResId{Gvk: t.gvk, Name: id.name, Namespace: id.namespace},
				resid.ResId{Gvk: t.gvk, Name: id.name, Namespace: effective(id.namespace)})
		}
		if slices.ContainsFunc(ids, chooser.Selects) && !chooser.RejectsAny(ids) {
			found = append(found, t)
		}
	}
	return found
}

// unreplaced says which targets of replacements are no object.
func (h *history) unreplaced() (found []string) {
	for _, r := range h.replacing {
		if !slices.ContainsFunc(r.to, func(t *tracked) bool { return h.mayChoose(r.target.Select, t) }) {
			found = append(found, fmt.Sprintf("%s: %s: it selects no object (%s), so that nothing is replaced there: "+
				"correct it or remove it",
				r.own, r.place, described(r.target.Select)))
		}
	}
	return found
}
