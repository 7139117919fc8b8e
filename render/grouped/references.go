package grouped

import "regexp"

// references finds out which objects others may refer to by name. Every text of an object counts as a name in it, of
// any kind of object: kustomize's own list of the fields that hold names need not be known.
type references struct {
	objects []*object
	always  []string // texts that any object may get

	byName map[string][]*object // each under every name that it had
	hashed map[string][]*object // those that could be named after a generated one with its hash, by that one's name
	of     map[*item][]*object  // whom an item may refer to
	ofAll  []*object            // whom all may refer to
}

// withHash is a name that kustomize may give to what it generates.
var withHash = regexp.MustCompile(`^(.+)-[a-z0-9]{10}$`)

func (r *references) find(items []*item) {
	r.byName, r.hashed, r.of = map[string][]*object{}, map[string][]*object{}, map[*item][]*object{}
	for _, o := range r.objects {
		for _, id := range o.ids {
			r.byName[id.Name] = append(r.byName[id.Name], o)
			if found := withHash.FindStringSubmatch(id.Name); found != nil {
				r.hashed[found[1]] = append(r.hashed[found[1]], o)
			}
		}
	}
	for _, word := range r.always {
		r.ofAll = append(r.ofAll, r.byName[word]...)
	}
	for _, it := range items {
		seen := map[*object]bool{}
		r.mentioned(it, it.words, seen)
		for _, p := range it.patches {
			r.mentioned(it, p.words, seen)
		}
	}
}

// mentioned notes whom the texts of an item may name.
func (r *references) mentioned(it *item, words []string, seen map[*object]bool) {
	for _, word := range words {
		for _, o := range r.byName[word] {
			if !seen[o] && o.item != it && mayRefer(it, o) {
				seen[o] = true
				r.of[it] = append(r.of[it], o)
			}
		}
	}
}

// mayRefer is kustomize's rule for who may refer to whom: nobody does to another namespace, but for what is in none,
// and for a RoleBinding.
func mayRefer(it *item, to *object) bool {
	id := to.now()
	if id.IsClusterScoped() {
		return true
	}
	for _, o := range it.uses {
		if from := o.now(); from.IsClusterScoped() || from.Kind == "RoleBinding" || from.IsNsEquals(id) {
			return true
		}
	}
	return false
}

// around are the objects that items may refer to, and those that they may come to refer to when they have got the new
// names of these.
func (r *references) around(items []*item) []*object {
	var all []*object
	seen := map[*object]bool{}
	add := func(more []*object) {
		for _, o := range more {
			if !seen[o] {
				seen[o] = true
				all = append(all, o)
			}
		}
	}
	add(r.ofAll)
	for _, it := range items {
		add(r.of[it])
	}
	for i := 0; i < len(all); i++ {
		name := all[i].now().Name
		add(r.byName[name])
		if all[i].item.generator {
			add(r.hashed[name])
		}
	}
	return all
}
