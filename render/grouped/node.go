package grouped

import (
	"path"
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// node is a kustomization that is known to treat each object by itself.
type node struct {
	folder     string
	own        types.Kustomization
	resources  []entry
	configMaps []*item // by the entries of configMapGenerator
	secrets    []*item
	components []*node
	patches    []*patch
}

// entry is one of a kustomization's resources: another one, or the documents of a file.
type entry struct {
	node  *node
	items []*item
}

// item is what goes into groups undivided: a document of a file, or an entry of a generator.
type item struct {
	number    int
	key       string // that tells it from others, and stays as it is when they change
	text      string // of a document
	ids       []resid.ResId
	words     []string // that may be names: all texts of the document
	generator bool
	merges    bool // into what is there, and adds no object
	files     map[string][]byte
	patches   []*patch  // that are made for it
	uses      []*object // that it comes to
}

// loader reads the kustomizations of a folder.
type loader struct {
	source Source
	nodes  map[string]*node // by their folders; nil while they are read
	items  []*item
	words  []string // that any object may get: those of labels and annotations
}

// node is the kustomization of a folder, or nil if it may not be divided.
func (l *loader) node(folder string, component bool) *node {
	if n, known := l.nodes[folder]; known {
		return n
	}
	l.nodes[folder] = nil
	own, err := l.source.Kustomized(folder)
	if err != nil || own == "" {
		return nil
	}
	file, err := l.source.File(own)
	if err != nil {
		return nil
	}
	n := &node{folder: folder}
	if n.own.Unmarshal(file.Content) != nil {
		return nil
	}
	n.own.FixKustomization()
	if !divisible(n.own) || (n.own.Kind == types.ComponentKind) != component || n.own.CheckEmpty() != nil {
		return nil
	}
	before := len(l.items)
	if !l.resources(n) || !l.generators(n) || !l.components(n) || !l.patchesOf(n) {
		return nil
	}
	if !component && len(l.items) == before {
		return nil // what it says of no object would go unread
	}
	l.words = append(l.words, marks(n.own)...)
	l.nodes[folder] = n
	return n
}

func (l *loader) resources(n *node) bool {
	for _, value := range n.own.Resources {
		named := path.Join(n.folder, value)
		at, isFolder, err := l.source.Find(named)
		if err != nil {
			return false
		}
		r := entry{}
		if isFolder {
			r.node = l.node(at, false)
		} else {
			r.items = l.documents(named)
		}
		if r.node == nil && len(r.items) == 0 {
			return false
		}
		n.resources = append(n.resources, r)
	}
	return true
}

func (l *loader) components(n *node) bool {
	for _, value := range n.own.Components {
		at, isFolder, err := l.source.Find(path.Join(n.folder, value))
		if err != nil || !isFolder {
			return false
		}
		below := l.node(at, true)
		if below == nil {
			return false
		}
		n.components = append(n.components, below)
	}
	return true
}

// documents are those of a file of objects; none if one of them is not known to be an object by itself.
func (l *loader) documents(named string) (items []*item) {
	file, err := l.source.File(named)
	if err != nil {
		return nil
	}
	parts, documents := yamlfile.Split(file.Content), l.source.Documents(named)
	if len(parts) != len(documents) {
		return nil
	}
	var ids []resid.ResId
	for i, d := range documents {
		if !d.known {
			return nil
		}
		if len(d.ids) == 0 {
			continue
		}
		ids = append(ids, d.ids...)
		items = append(items, &item{key: named + "\x00" + strconv.Itoa(i), text: parts[i].Text,
			ids: d.ids, words: d.words})
	}
	if !slices.Equal(ids, file.Objects) {
		return nil
	}
	for _, it := range items {
		l.add(it)
	}
	return items
}

func (l *loader) add(it *item) {
	it.number = len(l.items)
	l.items = append(l.items, it)
}
