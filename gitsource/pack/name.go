package pack

import (
	"crypto"
	"crypto/sha1"
	"fmt"
	"hash"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	githash "github.com/go-git/go-git/v5/plumbing/hash"
)

// namer names contents. A collision that was made on purpose gets another name than it was made for.
type namer struct {
	hash hash.Hash
	head []byte
	sum  plumbing.Hash
}

func newNamer() *namer { return &namer{hash: githash.New(crypto.SHA1)} }

// newPlainNamer names what was named before, when its pack came in: a collision made on purpose was refused then.
func newPlainNamer() *namer { return &namer{hash: sha1.New()} }

func (n *namer) name(t plumbing.ObjectType, content []byte) plumbing.Hash {
	n.head = append(append(n.head[:0], t.String()...), ' ')
	n.head = append(strconv.AppendInt(n.head, int64(len(content)), 10), 0)
	n.hash.Reset()
	_, _ = n.hash.Write(n.head) // never fails
	_, _ = n.hash.Write(content)
	n.hash.Sum(n.sum[:0])
	return n.sum
}

const (
	// maxBatch is how many bytes of contents are named at a time, and maxItems how many objects. Three batches are
	// under way at most.
	maxBatch = 1 << 17
	maxItems = 1 << 9
)

// found is an object that was read from a pack. Its name is, of a delta by name, the name of what it changes.
type found struct {
	entry
	base  int64 // where the object is that a delta by offset changes
	size  int64 // of a content, or of a delta and of what it makes
	named bool
	// from is where its content begins in the batch, and to where it ends.
	from, to int
}

// batch is a number of objects, in the order of the pack, with the contents of those that are to be named.
type batch struct {
	items   []found
	content []byte
}

// list is where objects are added that have their names.
type objectList interface{ add(found) error }

// naming is done beside the reading of the objects, by a goroutine that adds them to a list.
type naming struct {
	now  *batch
	full chan *batch
	free chan *batch
	err  error         // of the list
	done chan struct{} // closed when the goroutine has ended
}

func nameInto(to objectList) *naming {
	n := &naming{now: &batch{}, full: make(chan *batch, 1), free: make(chan *batch, 3), done: make(chan struct{})}
	n.free <- &batch{}
	n.free <- &batch{}
	go func() {
		defer close(n.done)
		namer := newNamer()
		for b := range n.full {
			if n.err == nil {
				n.err = b.nameInto(to, namer)
			}
			b.items, b.content = b.items[:0], b.content[:0]
			n.free <- b
		}
	}()
	return n
}

// nameInto names what is no delta, and adds everything to a list.
func (b *batch) nameInto(to objectList, n *namer) (err error) {
	defer func() { // what a stranger sends is read
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", packfile.ErrMalformedPackFile, p)
		}
	}()
	for _, f := range b.items {
		if !f.named && !isDelta(f.kind) {
			f.name = n.name(f.kind, b.content[f.from:f.to])
		}
		if err := to.add(f); err != nil {
			return err
		}
	}
	return nil
}

// room is where the content of the next object goes.
func (n *naming) room(size int64) []byte {
	b := n.now
	from, to := len(b.content), len(b.content)+int(size)
	if to > cap(b.content) {
		grown := make([]byte, from, max(2*cap(b.content), to))
		copy(grown, b.content)
		b.content = grown
	}
	b.content = b.content[:to]
	return b.content[from:]
}

// add adds an object, for whose content there was made room just now unless it is a delta or has its name.
func (n *naming) add(f found) error {
	b := n.now
	f.to = len(b.content)
	if f.from = f.to; !f.named && !isDelta(f.kind) {
		f.from -= int(f.size)
	}
	b.items = append(b.items, f)
	if len(b.items) < maxItems && len(b.content) < maxBatch {
		return nil
	}
	n.full <- b
	n.now = <-n.free
	return nil
}

// end waits until all are named.
func (n *naming) end() error {
	n.full <- n.now
	close(n.full)
	<-n.done
	return n.err
}
