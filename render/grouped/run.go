package grouped

import (
	"context"
	"slices"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	kusttypes "sigs.k8s.io/kustomize/api/types"
)

// render renders group after group, those that are not remembered, and puts the objects together.
func (p *planned) render(ctx context.Context, m Memory, most int64) (objects [][]byte, ok bool) {
	files, digests := make([]map[string][]byte, len(p.groups)), make([]string, len(p.groups))
	for i, g := range p.groups {
		if files[i] = filesOf(p.top, g); files[i] == nil {
			return nil, false
		}
		digests[i] = p.digest(g, files[i])
	}
	known := m.Recall(digests)
	whole := assembly{place: make(map[*object]int, len(p.objects)), objects: make([][]byte, len(p.objects)),
		taken: map[key]bool{}, most: most}
	for i, o := range p.objects {
		whole.place[o] = i
	}
	for i, g := range p.groups {
		owned := p.owned(g)
		rendered, remembered := known[digests[i]]
		if remembered = remembered && isOf(rendered, owned); !remembered {
			if rendered, ok = p.group(g, files[i]); !ok || ctx.Err() != nil {
				return nil, false
			}
		}
		if !whole.add(owned, rendered) {
			return nil, false
		}
		if !remembered {
			m.Keep(digests[i], rendered)
		}
	}
	return whole.objects, !slices.ContainsFunc(whole.objects, func(json []byte) bool { return json == nil })
}

// owned are the objects that are taken from the render of a group.
func (p *planned) owned(g group) (owned []*object) {
	for _, o := range p.objects {
		if g.owned[o.item] {
			owned = append(owned, o)
		}
	}
	return owned
}

// assembly is what is put together.
type assembly struct {
	place   map[*object]int
	objects [][]byte
	taken   map[key]bool
	written int64 // bytes of all that is there
	most    int64 // that there may be; 0: any
}

// add adds the objects of a group, unless one is there already, or they come to too much: who renders the whole will
// say so.
func (a *assembly) add(owned []*object, rendered []Kept) bool {
	for i, o := range owned {
		id := keyOf(o.now())
		id.name = rendered[i].Name
		if a.taken[id] {
			return false
		}
		if a.written += int64(len(rendered[i].JSON)); a.most > 0 && a.written > a.most {
			return false
		}
		a.taken[id] = true
		a.objects[a.place[o]] = rendered[i].JSON
	}
	return true
}

// group renders one group.
func (p *planned) group(g group, files map[string][]byte) (rendered []Kept, ok bool) {
	resources, ok := kustomize(files)
	if !ok {
		return nil, false
	}
	next := 0
	for _, o := range p.objects {
		if !g.items[o.item] {
			continue
		}
		if next == len(resources) || !o.became(resources[next]) {
			return nil, false
		}
		if g.owned[o.item] {
			json, err := resources[next].MarshalJSON()
			if err != nil {
				return nil, false
			}
			rendered = append(rendered, Kept{resources[next].GetName(), json})
		}
		next++
	}
	return rendered, next == len(resources)
}

// kustomize renders files. It panics on some inputs.
func kustomize(content map[string][]byte) (resources []*resource.Resource, ok bool) {
	defer func() {
		if recover() != nil {
			resources, ok = nil, false
		}
	}()
	disk, err := onDisk(content)
	if err != nil {
		return nil, false
	}
	o := krusty.MakeDefaultOptions()
	o.LoadRestrictions = kusttypes.LoadRestrictionsNone
	all, err := krusty.MakeKustomizer(o).Run(disk, top)
	if err != nil {
		return nil, false
	}
	return all.Resources(), true
}

// became says whether the object was rendered to this one, as far as what tells it from others goes.
func (o *object) became(r *resource.Resource) bool {
	want, got := o.now(), r.CurId()
	return got.Gvk == want.Gvk && got.Namespace == want.Namespace && o.mayBeCalled(got.Name)
}

// mayBeCalled says whether it is the object's name, with a hash if it is generated.
func (o *object) mayBeCalled(name string) bool {
	if name == o.now().Name {
		return true
	}
	found := withHash.FindStringSubmatch(name)
	return o.item.generator && found != nil && found[1] == o.now().Name
}
