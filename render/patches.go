package render

import (
	"bytes"
	"path"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// patch is the text of a patch, or of what configures a transformer, and the objects that it can be meant for.
type patch struct {
	text    []byte
	kind    string
	objects int
}

// patches are all of a kustomization, those with a target and those for one object.
func (s *survey) patches(k *kustomization, objects []resid.ResId) (all []patch) {
	add := func(text []byte, file string, target *types.Selector, n int) {
		p := patch{text, "", n}
		if file != "" {
			c, _ := s.look(inside(path.Join(k.dir, file))) // an error is told where it is counted
			p.text = c.content
		}
		if target != nil {
			p.kind, p.objects = plainKind(target.Kind), targets(target, objects)
		}
		all = append(all, p)
	}
	for _, p := range append(append([]types.Patch{}, k.Patches...), k.PatchesJson6902...) {
		add([]byte(p.Patch), p.Path, p.Target, 1)
	}
	for _, p := range k.PatchesStrategicMerge {
		if file := path.Join(k.dir, string(p)); s.isFile(file) {
			add(nil, string(p), nil, 1)
		}
	}
	for _, file := range s.plugged[k.dir].patches {
		c, _ := s.look(inside(file))
		all = append(all, patch{c.content, "", len(objects)})
	}
	for _, text := range s.plugged[k.dir].texts {
		all = append(all, patch{text, "", len(objects)})
	}
	return all
}

// mostCopied is what the copies of one JSON patch may add to an object, in bytes: kustomize is held to it. The API server
// takes no object that is much larger.
const mostCopied = 128 << 10

// copies reports whether a JSON patch copies something within its object.
func (p patch) copies() bool {
	may := bytes.Contains(p.text, []byte("copy")) || bytes.IndexByte(p.text, '\\') >= 0
	return may && len(keysOf(p.text).copies) > 0
}

// patch follows what a patch, or what configures a transformer, puts into objects.
func (g *growth) patch(has *keys, p patch) {
	g.files.merge(has, int64(p.objects))
	for _, c := range has.copies {
		v := g.at(spot{p.kind, c.from.last()})
		v.size = min(v.size, mostCopied)
		g.count(v, int64(p.objects))
		g.put(v, p.kind, c.to, 1, false)
	}
}
