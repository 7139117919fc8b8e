package turns

import "slices"

// line is who comes next: the namespaces in turn, and of each the key that ranks first. So however many keys a
// namespace has, however urgent they are and however often they are added, those of another one wait for one of them at
// most. The workqueue guards it.
type line struct {
	urgent func(key string) bool
	keys   map[string]*ranked // by namespace
	// next are the namespaces that have keys.
	next []string
	size int
}

// Touch has a key that is added again stay where it is, unless it has become urgent.
func (l *line) Touch(key string) {
	if l.urgent(key) {
		l.keys[namespaceOf(key)].raise(key)
	}
}

// Push adds a key.
func (l *line) Push(key string) {
	namespace := namespaceOf(key)
	if l.keys[namespace] == nil {
		l.keys[namespace] = &ranked{}
		l.next = append(l.next, namespace)
	}
	l.keys[namespace].add(key, l.urgent(key))
	l.size++
}

// Len is how many keys there are.
func (l *line) Len() int { return l.size }

// Pop takes the key that is next.
func (l *line) Pop() string {
	namespace := l.next[0]
	l.next = l.next[1:]
	key := l.keys[namespace].take()
	if l.keys[namespace].len() == 0 {
		delete(l.keys, namespace)
	} else {
		l.next = append(l.next, namespace)
	}
	l.size--
	return key
}

// ranked are the keys of a namespace, the urgent ones first, and those that were added first before others. So that no
// key waits for ever, every fourth one that is taken is not urgent, if there are such.
type ranked struct {
	urgent, rest []string
	// inRow is how many urgent ones were taken while others waited.
	inRow int
}

const mostInRow = 3

func (r *ranked) add(key string, urgent bool) {
	if urgent {
		r.urgent = append(r.urgent, key)
	} else {
		r.rest = append(r.rest, key)
	}
}

// raise makes a key urgent.
func (r *ranked) raise(key string) {
	if i := slices.Index(r.rest, key); i >= 0 {
		r.rest = slices.Delete(r.rest, i, i+1)
		r.urgent = append(r.urgent, key)
	}
}

func (r *ranked) take() (key string) {
	if len(r.urgent) == 0 || len(r.rest) > 0 && r.inRow == mostInRow {
		key, r.rest, r.inRow = r.rest[0], r.rest[1:], 0
		return key
	}
	if r.inRow++; len(r.rest) == 0 {
		r.inRow = 0
	}
	key, r.urgent = r.urgent[0], r.urgent[1:]
	return key
}

func (r *ranked) len() int { return len(r.urgent) + len(r.rest) }
