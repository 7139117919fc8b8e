package plan

import "slices"

// builtIn are classes that every cluster has.
var builtIn = []string{"system-node-critical", "system-cluster-critical"}

// missing is what the template needs and is known not to be there. Of an object that is not there only the object is
// named, once for each place.
func (w *weighing) missing() []Missing {
	var list []Missing
	for _, n := range NeedsOf(w.in.Next) {
		found, known := w.in.Found[n.Reference]
		if !known || n.Optional || w.comes(n) || found.There && (n.Key == "" || slices.Contains(found.Keys, n.Key)) {
			continue
		}
		m := Missing{Reference: n.Reference, Where: n.Where, Then: n.then()}
		if found.There {
			m.Key = n.Key
		}
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// comes reports whether the cluster makes an object by itself: the classes that every cluster has, and the account that
// is made with its namespace.
func (w *weighing) comes(n Need) bool {
	return n.Kind == "PriorityClass" && slices.Contains(builtIn, n.Name) ||
		n.Kind == "ServiceAccount" && n.Name == "default" && w.in.Current == nil
}
