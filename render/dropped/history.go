package dropped

import (
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// tracked is an object on its way through the kustomizations: under which names it went, and what patched it. kustomize
// knows it too, and takes it out of what it returns.
type tracked struct {
	gvk   resid.Gvk
	ids   []location // that it had, the one of its file first
	file  string     // that declares it; "" for a generated one
	size  int        // of the file
	index int        // among the objects of the file
	edits []*edit    // in kustomize's order
	final *final     // what became of it, nil if that is not known
}

// location is a name in a namespace, which is "" if none is given.
type location struct{ namespace, name string }

// same is kustomize's rule: no namespace is the one called default.
func (l location) same(other location) bool {
	return l.name == other.name && effective(l.namespace) == effective(other.namespace)
}

func effective(namespace string) string {
	if namespace == "" {
		return "default"
	}
	return namespace
}

func (t *tracked) now() location { return t.ids[len(t.ids)-1] }

func (t *tracked) rename(to location) {
	if to != t.now() {
		t.ids = append(t.ids, to)
	}
}

// history follows the objects of a render, after it, to find what kustomize dropped without a word. What it cannot
// follow it says nothing of.
type history struct {
	search
	render    Render
	within    map[string]bool // the kustomization files on the way to where it is
	all       []*tracked
	edits     []*edit
	strange   bool // something may have renamed objects, or added fields, that is not followed
	put       marks
	replacing []replacing
	marks     bool // labels, annotations, namespaces or replicas are put into objects
	sources   map[string][]yamlfile.Object
}

// follow goes through a folder that was rendered.
func follow(r Render, folder string) *history {
	h := &history{search: search{mostWork}, render: r, within: map[string]bool{},
		sources: map[string][]yamlfile.Object{}}
	h.resource(folder, 0)
	return h
}

func (h *history) resource(named string, first int) {
	rel, isDir, err := h.render.Find(named)
	if err != nil {
		return
	}
	if isDir {
		h.folder(rel, first)
		return
	}
	if file, err := h.render.File(named); err == nil {
		h.declared(named, file)
	}
}

func (h *history) declared(named string, file File) {
	for i, id := range file.Objects {
		h.all = append(h.all, &tracked{gvk: id.Gvk, ids: []location{{id.Namespace, id.Name}}, file: named,
			size: len(file.Content), index: i})
	}
}

// folder goes through a kustomization in kustomize's order.
func (h *history) folder(folder string, first int) {
	own, err := h.render.Kustomized(folder)
	if err != nil || own == "" || h.within[own] {
		return
	}
	h.within[own] = true
	defer delete(h.within, own)
	file, err := h.render.File(own)
	k := file.Kustomization
	if err != nil || k == nil {
		return
	}
	for _, value := range k.Resources {
		h.resource(path.Join(folder, value), len(h.all))
	}
	for _, id := range file.Objects {
		h.all = append(h.all, &tracked{gvk: id.Gvk, ids: []location{{id.Namespace, id.Name}}})
	}
	for _, value := range k.Components {
		h.resource(path.Join(folder, value), first)
	}
	h.transform(own, k, h.all[first:])
}

// transform is what a kustomization does to its objects, as far as it is followed.
func (h *history) transform(own string, k *types.Kustomization, objects []*tracked) {
	for _, p := range k.PatchesStrategicMerge {
		h.patchAt(patchPlace{own: own, field: "patchesStrategicMerge", named: string(p)}, string(p), "", nil, objects)
	}
	for _, p := range k.Patches {
		h.patchOf(own, "patches", p, objects)
	}
	move(objects, k.Namespace)
	affix(objects, k.NamePrefix, k.NameSuffix)
	for _, p := range k.PatchesJson6902 {
		h.patchOf(own, "patchesJson6902", p, objects)
	}
	h.marks = h.marks || len(k.CommonLabels)+len(k.Labels)+len(k.CommonAnnotations)+len(k.Namespace)+len(k.Replicas) > 0
	for _, label := range k.Labels {
		h.put.put(label.Pairs)
	}
	h.put.put(k.CommonLabels)
	h.put.put(k.CommonAnnotations)
	h.replacementsOf(own, k, objects)
	h.strange = h.strange || len(k.Configurations)+len(k.Crds)+len(k.Replacements)+len(k.Vars) > 0
	for _, text := range h.render.Transformers(path.Dir(own)) {
		h.plugin(own, text, objects)
	}
}

func (h *history) patchOf(own, field string, p types.Patch, objects []*tracked) {
	named := p.Path
	if named == "" {
		named = p.Patch
	}
	renames := p.Options != nil && (p.Options.AllowNameChange || p.Options.AllowKindChange)
	h.strange = h.strange || renames
	h.patchAt(patchPlace{own: own, field: field, named: named}, p.Path, p.Patch, p.Target, objects)
}

// pluggedIn are the fields of kustomize's own transformers that are followed.
type pluggedIn struct {
	Kind           string
	Metadata       struct{ Namespace string }
	Prefix, Suffix string
	Path, Patch    string
	Target         *types.Selector
	Paths          []string
	Patches        string
	JsonOp         string
}

// plugin is a transformer that is listed as one.
func (h *history) plugin(own string, text []byte, objects []*tracked) {
	var p pluggedIn
	if sigsyaml.Unmarshal(text, &p) != nil {
		h.strange = true
		return
	}
	at := patchPlace{own: own, field: "transformers"}
	switch p.Kind {
	case "ImageTagTransformer":
	case "PrefixTransformer", "SuffixTransformer", "PrefixSuffixTransformer":
		affix(objects, p.Prefix, p.Suffix)
	case "NamespaceTransformer":
		move(objects, p.Metadata.Namespace)
		h.marks = true
	case "LabelTransformer", "AnnotationsTransformer", "ReplicaCountTransformer":
		h.marks, h.put.unknown = true, true
	case "PatchTransformer", "PatchJson6902Transformer":
		h.patchAt(at, p.Path, p.Patch+p.JsonOp, p.Target, objects)
	case "PatchStrategicMergeTransformer":
		for _, file := range p.Paths {
			h.patchAt(at, file, "", nil, objects)
		}
		h.patchAt(at, "", p.Patches, nil, objects)
	default:
		h.strange = true
	}
}

// move is what `namespace:` does.
func move(objects []*tracked, namespace string) {
	if namespace == "" {
		return
	}
	for _, t := range objects {
		switch to := t.now(); {
		case t.gvk.Kind == "Namespace" && t.gvk.Group == "":
			t.rename(location{to.namespace, namespace})
		case !t.gvk.IsClusterScoped():
			t.rename(location{namespace, to.name})
		}
	}
}

// notAffixed are kinds whose names kustomize leaves alone.
var notAffixed = []string{"CustomResourceDefinition", "APIService", "Namespace"}

// affix is what namePrefix and nameSuffix do.
func affix(objects []*tracked, prefix, suffix string) {
	for _, t := range objects {
		if !slices.Contains(notAffixed, t.gvk.Kind) {
			t.rename(location{t.now().namespace, prefix + t.now().name + suffix})
		}
	}
}
