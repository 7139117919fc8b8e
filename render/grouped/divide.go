package grouped

import "hash/fnv"

// group are items that are rendered at once.
type group struct {
	items map[*item]bool
	owned map[*item]bool // whose objects are taken from this render; the others are there to be referred to
}

// divide puts neighbours into groups, with all that they may refer to. It is not ok if that makes too many of them.
func divide(objects []*object, w *walk, r *references, sizes Sizes) (groups []group, ok bool) {
	members := map[*item][]*item{} // of classes
	var order []*item
	for _, it := range w.items {
		class := w.class(it)
		if members[class] == nil {
			order = append(order, class)
		}
		members[class] = append(members[class], it)
	}
	left := sizes.Context * len(objects)
	for _, owned := range runs(order, members, sizes) {
		g := group{items: map[*item]bool{}, owned: map[*item]bool{}}
		add := func(class *item) {
			for _, it := range members[class] {
				if !g.items[it] {
					g.items[it] = true
					left -= len(it.uses)
				}
			}
		}
		for _, it := range owned {
			g.owned[it] = true
			add(w.class(it))
		}
		for _, o := range r.around(owned) {
			add(w.class(o.item))
			if left < 0 {
				return nil, false
			}
		}
		groups = append(groups, g)
	}
	return groups, left >= 0 && len(groups) > 1
}

// runs cuts the classes into runs of about as many objects as are wanted. Where they are cut depends on the classes
// nearby, so that most runs stay as they are when an object comes or goes.
func runs(order []*item, members map[*item][]*item, sizes Sizes) (runs [][]*item) {
	var run []*item
	size := 0
	for _, class := range order {
		for _, it := range members[class] {
			run = append(run, it)
			size += len(it.uses)
		}
		if size >= 2*sizes.Wanted || size >= sizes.Wanted/2 && cut(class.key, sizes.Wanted) {
			runs = append(runs, run)
			run, size = nil, 0
		}
	}
	if len(run) > 0 {
		runs = append(runs, run)
	}
	return runs
}

// cut says whether a run ends behind a class.
func cut(key string, wanted int) bool {
	h := fnv.New32a()
	h.Write([]byte(key))
	return h.Sum32()%uint32(max(wanted/2, 1)) == 0
}
