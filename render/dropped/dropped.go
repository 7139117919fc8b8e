// Package dropped finds what kustomize left out of a render, or behind in it, without a word: values of patches,
// patches and replacements that nothing is meant by, elements of lists that stood twice, and references to names that
// are gone.
package dropped

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// final is what became of an object.
type final = unstructured.Unstructured

// Find says what kustomize left out, or behind, without a word: values of patches that are not in what comes out,
// patches that nothing is meant by, and references to names that the set has no longer. It looks at what a folder was
// rendered to and changes nothing; where it cannot follow what kustomize did, it says nothing.
func Find(r Render, folder string, objects []*unstructured.Unstructured) (found []string) {
	defer func() {
		if recover() != nil { // kustomize's own filters are used, which panic on some inputs
			found = nil
		}
	}()
	h := follow(r, folder)
	h.settle(objects)
	for _, e := range h.edits {
		found = append(found, h.untargeted(e)...)
		found = append(found, h.lost(e)...)
		found = append(found, h.idle(e)...)
		found = append(found, h.twins(e)...)
	}
	found = append(found, h.unreplaced()...)
	found = append(found, h.leftBehind(objects)...)
	slices.Sort(found)
	return slices.Compact(found)
}

// hashed are the names that kustomize gives to what it generates.
var hashed = regexp.MustCompile(`-[a-z0-9]{10}$`)

// settle finds what became of each object.
func (h *history) settle(objects []*unstructured.Unstructured) {
	exact, plain := map[yamlfile.Identity]*final{}, map[yamlfile.Identity]*final{}
	for _, o := range objects {
		id := yamlfile.IdentityOf(o)
		exact[id] = o
		id.Name = hashed.ReplaceAllString(id.Name, "")
		plain[id] = o
	}
	for _, t := range h.all {
		id := yamlfile.Identity{GroupKind: schema.GroupKind{Group: t.gvk.Group, Kind: t.gvk.Kind},
			Namespace: t.now().namespace, Name: t.now().name}
		t.final = exact[id]
		if o := plain[id]; t.final == nil && o != nil && (t.gvk.Kind == "ConfigMap" || t.gvk.Kind == "Secret") {
			t.final = o
			t.rename(location{id.Namespace, o.GetName()})
		}
	}
}

const mostFields = 3 // of one patch and object in warnings

// lost says what of a patch did not come out although nothing else took its place.
func (h *history) lost(e *edit) (found []string) {
	for _, t := range e.to {
		if t.final == nil || t.file == "" || !e.selects(t.final) {
			continue
		}
		fields := h.without(e, t, t.final.Object)
		if len(fields) == 0 {
			continue
		}
		before, after, ok := h.replay(e, t)
		if !ok {
			continue
		}
		if e.merge != nil {
			found = append(found, h.mergeLost(e, yamlfile.IdentityOf(t.final), fields, after)...)
		} else {
			found = append(found, h.replaceAdded(e, t, before)...)
		}
	}
	return found
}

// without are the fields of a patch that an object does not have. Of a JSON patch they are those that it replaces and
// that its file does not have.
func (h *history) without(e *edit, t *tracked, object map[string]any) []string {
	if e.merge != nil {
		return h.missing(e.merge, object)
	}
	var replaced []string
	for _, op := range e.ops {
		if op.Op == "replace" && op.Path != "" && !h.strange {
			replaced = append(replaced, op.Path)
		}
	}
	if len(replaced) == 0 {
		return nil
	}
	source := h.source(t)
	return slices.DeleteFunc(replaced, func(path string) bool {
		return source == nil || stands(source, path) || h.marks && marked(path)
	})
}

func (h *history) mergeLost(e *edit, object yamlfile.Identity, fields []string, after map[string]any) (found []string) {
	still := h.missing(e.merge, after)
	fields = slices.DeleteFunc(fields, func(field string) bool { return !slices.Contains(still, field) })
	for i, field := range fields {
		if i == mostFields {
			return append(found, fmt.Sprintf("%s: and %d more fields of %s are lost", h.where(e), len(fields)-i,
				object))
		}
		found = append(found, fmt.Sprintf("%s: %s of %s is lost: kustomize merges lists by keys that must stand on "+
			"both sides and once (a port's protocol, a variable's name); write them out, or make it a JSON patch",
			h.where(e), field, object))
	}
	return found
}

// replaceAdded are the replacements of a JSON patch that found nothing to replace, each looked at as those before it
// left the object.
func (h *history) replaceAdded(e *edit, t *tracked, before map[string]any) (found []string) {
	for i, op := range e.ops {
		if op.Op != "replace" || op.Path == "" || h.marks && marked(op.Path) || stands(before, op.Path) {
			continue
		}
		if !h.spend(t.size + len(e.text)) {
			return found
		}
		if then, ok := e.after(i, before); !ok || stands(then, op.Path) {
			continue
		}
		found = append(found, fmt.Sprintf("%s: replace %s of %s: there was nothing to replace, so that it was added: "+
			"correct the path, or write add",
			h.where(e), op.Path, yamlfile.IdentityOf(t.final)))
	}
	return found
}

// marked reports whether labels, annotations, namespaces and replicas stand at a path, which kustomize puts there
// itself.
func marked(path string) bool {
	for _, key := range []string{"labels", "annotations", "matchLabels", "selector", "namespace", "replicas"} {
		if strings.Contains(path+"/", "/"+key+"/") {
			return true
		}
	}
	return false
}

// puts reports whether a patch puts anything anywhere.
func (e *edit) puts() bool {
	if e.merge == nil {
		return slices.ContainsFunc(e.ops, func(op operation) bool { return op.Op == "add" || op.Op == "replace" })
	}
	return len((&search{mostWork}).missing(e.merge, map[string]any{})) > 0
}

// where is the file and line of a patch.
func (h *history) where(e *edit) string {
	if e.file != "" {
		return fmt.Sprintf("%s: line %d", e.file, e.line)
	}
	return h.listed(e)
}

// listed is the file, line and field that lists a patch.
func (h *history) listed(e *edit) string { return h.render.Listed(e.at.own, e.at.field, e.at.named) }
