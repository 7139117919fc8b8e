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
	kind    string // of the objects, "" for any
	objects int
	size    int64 // that it has in each of them beside what each says, its aliases written out
}

// patches are all of a kustomization: those with a target and those for one object, or none, which counts as a file.
func (s *survey) patches(k *kustomization, objects []resid.ResId) (all []patch) {
	for _, of := range [][]types.Patch{k.Patches, k.PatchesJson6902} {
		for _, p := range of {
			next := s.patch(k.dir, p.Path, p.Patch)
			if p.Target == nil {
				next.objects, next.size = 1, 0
			} else {
				next.kind, next.objects = plainKind(p.Target.Kind), targets(p.Target, objects)
			}
			all = append(all, next)
		}
	}
	for _, p := range k.PatchesStrategicMerge {
		if s.isFile(path.Join(k.dir, string(p))) {
			all = append(all, patch{text: s.patch(k.dir, string(p), "").text, objects: 1})
		}
	}
	for _, file := range s.plugged[k.dir].patches {
		next := s.patch("", file, "")
		next.objects = len(objects)
		all = append(all, next)
	}
	for _, text := range s.plugged[k.dir].texts {
		all = append(all, patch{text: text, objects: len(objects)})
	}
	return all
}

// patch is that of a file, or an inline one. Why a file cannot be read is told where it is counted.
func (s *survey) patch(dir, file, inline string) patch {
	if file != "" {
		c, _ := s.look(inside(path.Join(dir, file)))
		return patch{text: c.content, size: int64(len(c.content)) + c.repeats}
	}
	p := patch{text: []byte(inline), size: int64(len(inline))}
	if mayHoldAliases(p.text) {
		docs, _ := documents(p.text) // what is no YAML, kustomize refuses
		for _, doc := range docs {
			p.size += doc.written()
		}
	}
	return p
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
