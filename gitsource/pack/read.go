package pack

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Read returns an object that is in a pack, of up to limit bytes, with its type and its size. Of a larger one it
// returns the size alone. An object that is in no pack is a plumbing.ErrObjectNotFound. The content is checked against
// the name: one that has another is ErrMisnamed.
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
	if b.content != nil && r.namer.name(b.kind, b.content) != name {
		return 0, nil, 0, fmt.Errorf("%s, byte %d: %w", at.pack.path, at.offset, ErrMisnamed)
	}
	return b.kind, b.content, size, nil
}

// ErrMisnamed is the error of an object that is not what its name says.
var ErrMisnamed = errors.New("damaged: its content does not have its name")

// Name is the name of an object of this type with this content.
func Name(t plumbing.ObjectType, content []byte) plumbing.Hash {
	return newPlainNamer().name(t, content)
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
	if b := r.bases.kept(at); b != nil {
		size = int64(len(b.content))
		if size > limit {
			return &base{kind: b.kind}, size, nil
		}
		return &base{kind: b.kind, content: append(make([]byte, 0, size), b.content...)}, size, nil
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
