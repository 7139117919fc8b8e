package grouped

import (
	"context"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	kusttypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// render renders group after group, and puts the objects together.
func (p *planned) render(ctx context.Context) (objects [][]byte, ok bool) {
	place := make(map[*object]int, len(p.objects))
	for i, o := range p.objects {
		place[o] = i
	}
	objects = make([][]byte, len(p.objects))
	taken := map[key]bool{}
	for _, g := range p.groups {
		if ctx.Err() != nil {
			return nil, false
		}
		rendered, ok := p.group(g)
		if !ok {
			return nil, false
		}
		for _, r := range rendered {
			if taken[r.key] { // as kustomize will say
				return nil, false
			}
			taken[r.key] = true
			objects[place[r.object]] = r.json
		}
	}
	for _, o := range objects {
		if o == nil {
			return nil, false
		}
	}
	return objects, true
}

// rendered is an object of a group.
type rendered struct {
	*object
	key
	json []byte
}

// group renders one group.
func (p *planned) group(g group) (all []rendered, ok bool) {
	content := filesOf(p.top, g)
	if content == nil {
		return nil, false
	}
	resources, ok := kustomize(content)
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
			all = append(all, rendered{o, keyOf(resources[next].CurId()), json})
		}
		next++
	}
	return all, next == len(resources)
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
	if got.Gvk != want.Gvk || got.Namespace != want.Namespace {
		return false
	}
	return got.Name == want.Name || o.item.generator && hashOf(got, want)
}

func hashOf(got, want resid.ResId) bool {
	found := withHash.FindStringSubmatch(got.Name)
	return found != nil && strings.TrimSpace(found[1]) == want.Name
}
