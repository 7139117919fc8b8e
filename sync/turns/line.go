package turns

// line is who comes next: the namespaces in turn, and of each the key that was added first. So however many keys
// a namespace has, and however often they are added, those of another one wait for one of them at most. The workqueue
// guards it.
type line struct {
	keys map[string][]string // by namespace
	// next are the namespaces that have keys.
	next []string
	size int
}

// Touch does nothing: a key that is added again stays where it is.
func (l *line) Touch(string) {}

// Push adds a key.
func (l *line) Push(key string) {
	if l.keys == nil {
		l.keys = map[string][]string{}
	}
	namespace := namespaceOf(key)
	if len(l.keys[namespace]) == 0 {
		l.next = append(l.next, namespace)
	}
	l.keys[namespace] = append(l.keys[namespace], key)
	l.size++
}

// Len is how many keys there are.
func (l *line) Len() int { return l.size }

// Pop takes the key that is next.
func (l *line) Pop() string {
	namespace := l.next[0]
	key, rest := l.keys[namespace][0], l.keys[namespace][1:]
	l.next = l.next[1:]
	if len(rest) == 0 {
		delete(l.keys, namespace)
	} else {
		l.keys[namespace] = rest
		l.next = append(l.next, namespace)
	}
	l.size--
	return key
}
