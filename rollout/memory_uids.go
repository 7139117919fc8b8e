package rollout

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// WithUIDs is the memory in a form that tells nobody which nodes it is about who may not read nodes: by their UIDs,
// without what programs said. What is remembered of nodes that are gone, by which nothing is decided, is forgotten, and
// so is what hooks and probes answered, which is for people.
func (m Memory) WithUIDs(nodes []*corev1.Node) Memory {
	m = m.renamed(wordsOf(nodes, func(n *corev1.Node) (string, string) { return n.Name, string(n.UID) }))
	m.ByUID, m.Answers = true, nil
	for node, c := range m.Clocks {
		if c.Unknown != "" {
			c.Unknown = "not known"
			m.Clocks[node] = c
		}
	}
	for i := range m.Brake {
		m.Brake[i] = m.Brake[i].Public()
	}
	return m
}

// WithNames is the memory as the judge takes it, in whichever form it was kept.
func (m Memory) WithNames(nodes []*corev1.Node) Memory {
	if !m.ByUID {
		return m
	}
	m.ByUID = false
	return m.renamed(namesOf(nodes))
}

// FailingByUID are sick nodes by their UIDs.
func FailingByUID(list []FailingNode, nodes []*corev1.Node) []FailingNode {
	return renamedFailing(list, wordsOf(nodes, func(n *corev1.Node) (string, string) { return n.Name, string(n.UID) }))
}

// FailingByName are sick nodes by their names, in whichever form they were kept.
func FailingByName(list []FailingNode, nodes []*corev1.Node) []FailingNode {
	if len(list) == 0 {
		return nil
	}
	return renamedFailing(list, namesOf(nodes))
}

// namesOf leads from a node's UID to its name, and from anything else to itself.
func namesOf(nodes []*corev1.Node) func(string) (string, bool) {
	byUID := wordsOf(nodes, func(n *corev1.Node) (string, string) { return string(n.UID), n.Name })
	return func(node string) (string, bool) {
		if name, is := byUID(node); is {
			return name, true
		}
		return node, true
	}
}

// wordsOf leads from one word for a node to another.
func wordsOf(nodes []*corev1.Node, of func(*corev1.Node) (from, to string)) func(string) (string, bool) {
	known := make(map[string]string, len(nodes))
	for _, n := range nodes {
		if from, to := of(n); from != "" && to != "" {
			known[from] = to
		}
	}
	return func(word string) (string, bool) {
		to, is := known[word]
		return to, is
	}
}

// renamed is the memory with another word for each node. What is remembered of nodes for which there is none is
// forgotten.
func (m Memory) renamed(word func(node string) (string, bool)) Memory {
	m.Since = renamedKeys(m.Since, func(symptom string) (string, bool) {
		code, node, _ := strings.Cut(symptom, "/")
		if node == "" { // it is the DaemonSet's, or an object's
			return symptom, true
		}
		node, known := word(node)
		return code + "/" + node, known
	})
	m.Lost, m.Boots, m.Clocks = renamedKeys(m.Lost, word), renamedKeys(m.Boots, word), renamedKeys(m.Clocks, word)
	m.Rejected, m.Ended = renamedKeys(m.Rejected, word), renamedKeys(m.Ended, word)
	m.Counted = renamedList(m.Counted, word)
	m.Brake = slices.Clone(m.Brake)
	for i := range m.Brake {
		m.Brake[i].Nodes = renamedList(m.Brake[i].Nodes, word)
	}
	return m
}

func renamedKeys[T any](list map[string]T, word func(string) (string, bool)) map[string]T {
	if list == nil {
		return nil
	}
	made := make(map[string]T, len(list))
	for key, value := range list {
		if key, known := word(key); known {
			made[key] = value
		}
	}
	return made
}

func renamedList(list []string, word func(string) (string, bool)) []string {
	var made []string
	for _, one := range list {
		if one, known := word(one); known {
			made = append(made, one)
		}
	}
	return made
}

func renamedFailing(list []FailingNode, word func(string) (string, bool)) []FailingNode {
	var made []FailingNode
	for _, n := range list {
		if node, known := word(n.Node); known {
			n.Node = node
			made = append(made, n)
		}
	}
	return made
}
