package grouped

import (
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// object is one that the render comes to.
type object struct {
	item *item
	ids  []resid.ResId // that it has on its way through the kustomizations, the last one last
}

func (o *object) now() resid.ResId { return o.ids[len(o.ids)-1] }

func (o *object) rename(namespace, name string) {
	if id := o.now(); id.Namespace != namespace || id.Name != name {
		o.ids = append(o.ids, resid.NewResIdWithNamespace(id.Gvk, name, namespace))
	}
}

// key is what no two objects have in common, no matter of which API group.
type key struct{ kind, namespace, name string }

func keyOf(id resid.ResId) key { return key{id.Kind, id.EffectiveNamespace(), id.Name} }

// walk goes through the kustomizations as kustomize does, and follows the names of the objects.
type walk struct {
	classes
	items   []*item
	refused bool
}

// accumulate adds the objects of a kustomization to those before, in kustomize's order.
func (w *walk) accumulate(n *node, objects []*object) []*object {
	add := func(it *item) {
		for _, id := range it.ids {
			o := &object{it, []resid.ResId{id}}
			it.uses = append(it.uses, o)
			objects = append(objects, o)
		}
	}
	for _, r := range n.resources {
		if r.node != nil {
			objects = append(objects, w.accumulate(r.node, nil)...)
		}
		for _, it := range r.items {
			add(it)
		}
	}
	for _, generated := range [][]*item{n.configMaps, n.secrets} {
		for _, it := range generated {
			if it.merges {
				w.joinMerged(it, objects)
			} else {
				add(it)
			}
		}
	}
	for _, below := range n.components {
		objects = w.accumulate(below, objects)
	}
	w.patch(n.patches, objects)
	move(objects, n.own.Namespace)
	affix(objects, n.own.NamePrefix, "")
	affix(objects, "", n.own.NameSuffix)
	return objects
}

// move is what `namespace` does.
func move(objects []*object, namespace string) {
	if namespace == "" {
		return
	}
	for _, o := range objects {
		switch id := o.now(); {
		case id.Kind == "Namespace" && id.Group == "":
			o.rename(id.Namespace, namespace)
		case !id.IsClusterScoped():
			o.rename(namespace, id.Name)
		}
	}
}

// unaffixed are the kinds whose names kustomize leaves alone.
var unaffixed = []resid.Gvk{{Kind: "CustomResourceDefinition"}, {Kind: "Namespace"},
	{Group: "apiregistration.k8s.io", Kind: "APIService"}}

// affix is what namePrefix and nameSuffix do.
func affix(objects []*object, prefix, suffix string) {
	if prefix+suffix == "" {
		return
	}
	for _, o := range objects {
		alone := false
		for _, kind := range unaffixed {
			alone = alone || o.ids[0].IsSelected(&kind)
		}
		if !alone {
			o.rename(o.now().Namespace, prefix+o.now().Name+suffix)
		}
	}
}

// patch finds out which objects patches are meant for.
func (w *walk) patch(patches []*patch, objects []*object) {
	if len(patches) == 0 {
		return
	}
	byKey := map[key][]*item{}
	for _, o := range objects {
		for _, id := range o.ids {
			byKey[keyOf(id)] = append(byKey[keyOf(id)], o.item)
		}
	}
	for _, p := range patches {
		if p.selector != nil {
			p.selects(objects)
			continue
		}
		for _, id := range p.ids {
			found := byKey[keyOf(id)]
			w.refused = w.refused || len(found) == 0 // kustomize will say so
			p.meantFor(found...)
		}
		for it := range p.items {
			w.join(it, p.first)
		}
	}
}

// joinMerged puts what a generator merges into beside it.
func (w *walk) joinMerged(merging *item, objects []*object) {
	found := false
	for _, o := range objects {
		for _, id := range o.ids {
			if id.Kind == merging.ids[0].Kind && id.Name == merging.ids[0].Name {
				w.join(merging, o.item)
				found = true
			}
		}
	}
	w.refused = w.refused || !found // kustomize will say so
}

// joinConflicts puts those beside each other that had an identity in common, if at different times: kustomize may
// refuse them.
func (w *walk) joinConflicts(objects []*object) {
	first := map[key]*item{}
	for _, o := range objects {
		for _, id := range o.ids {
			if other, known := first[keyOf(id)]; known {
				w.join(o.item, other)
			} else {
				first[keyOf(id)] = o.item
			}
		}
	}
}
