package pack

import (
	"bytes"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Read returns an object that is in a pack, of up to limit bytes, with its type and its size. Of a larger one it
// returns the size alone. An object that is in no pack is a plumbing.ErrObjectNotFound. The content is not checked
// against the name.
func (r *Reader) Read(name plumbing.Hash, limit int64) (kind plumbing.ObjectType, content []byte, size int64,
	err error) {
	at, err := r.find(name)
	if err == nil && at.pack == nil {
		err = plumbing.ErrObjectNotFound
	}
	if err != nil {
		return 0, nil, 0, err
	}
	b, size, err := r.read(at, limit)
	if err != nil {
		return 0, nil, 0, fmt.Errorf("%s, byte %d: %w", at.pack.path, at.offset, truncated(err))
	}
	return b.kind, b.content, size, nil
}

// Size is the size of an object in bytes. It is not made for that.
func (r *Reader) Size(name plumbing.Hash) (int64, error) {
	at, err := r.find(name)
	if err == nil && at.pack == nil {
		err = plumbing.ErrObjectNotFound
	}
	if err != nil {
		return 0, err
	}
	return r.size(at)
}

func (r *Reader) size(at location) (int64, error) {
	_, l, err := r.link(at, 0)
	return l.makes, truncated(err)
}

// read makes what is at a location, if that has up to limit bytes. The content belongs to the caller.
func (r *Reader) read(at location, limit int64) (made *base, size int64, err error) {
	if b := r.kept(at); b != nil {
		size = int64(len(b.content))
		if size > limit {
			return &base{kind: b.kind}, size, nil
		}
		return &base{b.location, b.kind, bytes.Clone(b.content)}, size, nil
	}
	c, err := r.chain(at, limit)
	if err != nil {
		return nil, 0, err
	}
	if l := c.links[0]; l.makes > limit {
		return &base{kind: l.kind}, l.makes, nil
	}
	made, err = r.make(c)
	return made, c.links[0].makes, err
}
