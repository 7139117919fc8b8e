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
		switch {
		case !known || n.Optional || n.Where == wherePull && found.There:
			continue
		case found.There && (n.Key == "" || slices.Contains(found.Keys, n.Key)):
			continue
		case !found.There && n.Kind == "PriorityClass" && slices.Contains(builtIn, n.Name):
			continue
		case n.Kind == "ServiceAccount" && n.Name == "default" && w.in.Current == nil:
			continue // is made with its namespace
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
