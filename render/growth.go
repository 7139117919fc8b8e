package render

import (
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/api/types"
)

// growth follows how long values can become by what copies them from object to object while kustomize runs: replacements,
// the copy of a JSON patch, vars. Forty of them double a word to a terabyte. It knows no objects, only keys: what stands
// under a key of the objects of a kind is no longer than the longest that a file has there, and what was put there since.
type growth struct {
	files     *keys
	grown     map[string]map[string]added // by key and kind, which is "" for any
	affixes   int64                       // of all prefixes and suffixes together
	lists     int64                       // bytes of lists and maps that were copied
	copied    int64                       // bytes that were copied, of any kind
	generated int64                       // bytes of the data of generators
	vars      []types.Var
}

// added is what was put under a key: the longest that replaced what was there, and all that was joined to it.
type added struct {
	set, joined int64
	lists       bool
}

// spot is a key of the objects of a kind; the key "" is the whole object.
type spot struct{ kind, key string }

func newGrowth() *growth {
	return &growth{files: newKeys(), grown: map[string]map[string]added{}}
}

// value is the longest that can stand somewhere, in bytes with its nodes, and whether it can be a list or a map.
type value struct {
	size  int64
	lists bool
}

// at is what can stand at a spot.
func (g *growth) at(s spot) value {
	seen := g.files.under[s.key]
	size, lists := max(seen.longest, nodeWeight), seen.lists
	if s.key == "image" { // put together by kustomize, from parts that longImages bounds
		size = max(size, 3*longestImage)
	}
	joined := g.affixes
	if s.key == "" || s.key == "data" || s.key == "binaryData" {
		joined += g.generated
	}
	for kind, more := range g.grown[s.key] {
		if overlap(kind, s.kind) {
			size, joined, lists = max(size, more.set), joined+more.joined, lists || more.lists
		}
	}
	return value{size + joined, lists}
}

// put notes that a value is put at a path of objects of a kind, so often in each, in place of what is there or joined to it.
func (g *growth) put(v value, kind string, to trail, each int64, join bool) {
	for i, key := range append([]string{""}, to.keys...) {
		if g.grown[key] == nil {
			g.grown[key] = map[string]added{}
		}
		more := g.grown[key][kind]
		if i == len(to.keys) && !join && !to.within {
			more.set, more.lists = max(more.set, v.size), more.lists || v.lists
		} else {
			more.joined += v.size * each
		}
		g.grown[key][kind] = more
	}
}

// replace notes that a replacement puts a value into its target, which selects so many objects.
func (g *growth) replace(from source, target *types.TargetSelector, objects int) {
	join := target.Options != nil && target.Options.Delimiter != ""
	paths := target.FieldPaths
	if len(paths) == 0 {
		paths = []string{types.DefaultReplacementFieldPath}
	}
	kind := plainKind(target.Select.Kind)
	for _, path := range paths {
		to := fieldPath(path)
		places, each := g.places(to, objects), int64(1)
		if to.several {
			each = places
		}
		for range from.rounds(kind, to, places) {
			if g.copied > tooMuch {
				return
			}
			v := from.value(g)
			g.count(v, places)
			g.put(v, kind, to, each, join)
		}
	}
}

// tooMuch is more than any limit, in bytes, and little enough to be multiplied by any number of places.
const tooMuch = 1 << 40

// source is where a replacement takes its value from: a spot, or a value of its own.
type source struct {
	spot
	own  value
	copy bool // it takes a copy; else what it puts into its own source, the next place gets as well
}

func sourceOf(r types.Replacement) source {
	if r.SourceValue != nil {
		return source{own: value{size: nodeWeight + int64(len(*r.SourceValue))}, copy: true}
	}
	if r.Source == nil {
		return source{copy: true}
	}
	delimiter := r.Source.Options != nil && r.Source.Options.Delimiter != ""
	return source{spot: spot{plainKind(r.Source.Kind), fieldPath(r.Source.FieldPath).last()}, copy: delimiter}
}

func (f source) value(g *growth) value {
	if f.spot == (spot{}) {
		return f.own
	}
	return g.at(f.spot)
}

// mostRounds are more than anything can double in.
const mostRounds = 64

// rounds is how often what is put somewhere can be put into what it was taken from: in every place of an object that its
// source is in, or holds.
func (f source) rounds(kind string, to trail, places int64) int64 {
	switch {
	case f.copy || !overlap(f.kind, kind) || f.key != "" && !slices.Contains(to.keys, f.key):
		return 1
	case to.several:
		return min(places, mostRounds)
	}
	return min(places, 2) // in its own object, and with it in all that come behind
}

// count adds to what was copied altogether.
func (g *growth) count(v value, times int64) {
	g.copied += v.size * times
	if v.lists {
		g.lists += v.size * times
	}
}

// places is in how many places of so many objects a path can be found: with wildcards as often as the files have elements
// where these are, and once for each node that was copied.
func (g *growth) places(to trail, objects int) int64 {
	seen := g.files.under[to.list]
	switch {
	case !to.several:
		return int64(objects)
	case to.deep:
		return int64(objects) + (g.lists+seen.all)/nodeWeight
	}
	return int64(objects) + g.lists/nodeWeight + seen.values
}

// widest is in how many places a field can be that a transformer fills: as many as the key on the way to it that most stand
// under.
func (g *growth) widest(field trail) (places int64) {
	for _, key := range field.keys {
		places = max(places, g.files.under[key].elements)
	}
	return places + g.lists/nodeWeight
}

// expanded is what the references to all vars come to once their values stand there.
func (g *growth) expanded() (size int64, longest types.Var) {
	var most int64
	for _, v := range g.vars {
		each := g.at(spot{plainKind(v.ObjRef.Kind), fieldPath(v.FieldRef.FieldPath).last()}).size
		references := g.files.references[v.Name]
		if len(g.files.references) > 0 { // what was copied can hold some
			references += g.copied / int64(len("$()")+len(v.Name))
		}
		if size += each * references; each*references > most {
			most, longest = each*references, v
		}
	}
	return size, longest
}

// overlap reports whether objects of both kinds can be the same.
func overlap(a, b string) bool { return a == "" || b == "" || a == b }

// plainKind is "", which is any kind, for a pattern.
func plainKind(kind string) string {
	if regexp.QuoteMeta(kind) != kind {
		return ""
	}
	return kind
}
