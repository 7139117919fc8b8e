package pack

import "github.com/go-git/go-git/v5/plumbing"

// keptBases is how many bytes of contents a reader keeps for deltas to be applied to.
const keptBases = 8 << 20

// base is a content that deltas change.
type base struct {
	location
	kind    plumbing.ObjectType
	content []byte

	older, younger *base // the neighbours among the bases that are kept
}

// bases are contents that are kept for further deltas. Those that were used last are kept longest.
type bases struct {
	at               map[location]*base
	youngest, oldest *base
	held             int64 // bytes of them
}

// keep keeps a content, unless it is very large.
func (k *bases) keep(b *base) {
	if _, ok := k.at[b.location]; ok || len(b.content) > keptBases/4 {
		return
	}
	if k.at == nil {
		k.at = map[location]*base{}
	}
	k.at[b.location] = b
	k.push(b)
	for k.held += int64(len(b.content)); k.held > keptBases; {
		old := k.oldest
		k.take(old)
		delete(k.at, old.location)
		k.held -= int64(len(old.content))
	}
}

// kept is a content that was kept, or nil.
func (k *bases) kept(at location) *base {
	b := k.at[at]
	if b != nil && b != k.youngest {
		k.take(b)
		k.push(b)
	}
	return b
}

// push makes a content the youngest.
func (k *bases) push(b *base) {
	b.older, b.younger = k.youngest, nil
	if k.youngest == nil {
		k.oldest = b
	} else {
		k.youngest.younger = b
	}
	k.youngest = b
}

// take takes a content from between its neighbours.
func (k *bases) take(b *base) {
	if b.older == nil {
		k.oldest = b.younger
	} else {
		b.older.younger = b.younger
	}
	if b.younger == nil {
		k.youngest = b.older
	} else {
		b.younger.older = b.older
	}
	b.older, b.younger = nil, nil
}
