package gitsource

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
)

// carryKept takes kept commits along into a new repository. What the server no longer has is copied without its
// history; what the old repository lost is lost.
func (u *update) carryKept(ctx context.Context, fresh *objects, dir string) error {
	old, _ := u.mirror.newest()
	held, err := u.mirror.refs(old, kept)
	if err != nil {
		return nil // the old one is beyond reading
	}
	s := u.mirror.storage(dir)
	for _, t := range held {
		err := fresh.checkConnected(ctx, t.hash, map[plumbing.Hash]bool{})
		if err != nil {
			err = u.copyCommit(ctx, s, t.hash)
		}
		if err == nil {
			err = s.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(kept+t.name), t.hash))
			if err != nil {
				return err
			}
		}
	}
	fresh.renew(dir)
	return ctx.Err()
}

type shallowStorage interface {
	plumbingStorer
	Shallow() ([]plumbing.Hash, error)
	SetShallow([]plumbing.Hash) error
}

type plumbingStorer interface {
	SetEncodedObject(plumbing.EncodedObject) (plumbing.Hash, error)
}

// copyCommit copies a commit and its files, and notes that its parents are not there.
func (u *update) copyCommit(ctx context.Context, to shallowStorage, commit plumbing.Hash) error {
	found := map[plumbing.Hash]bool{}
	if err := u.mirror.objects.checkConnected(ctx, commit, found); err != nil {
		return err
	}
	found[commit] = true
	for h := range found {
		var copied plumbing.MemoryObject
		err := u.mirror.use(func(r *reader) error {
			t, content, err := r.content(plumbing.AnyObject, h, maxObject)
			copied = plumbing.MemoryObject{}
			copied.SetType(t)
			return errors.Join(err, write(&copied, content))
		})
		if err != nil {
			return err
		}
		if _, err := to.SetEncodedObject(&copied); err != nil {
			return err
		}
	}
	list, err := to.Shallow()
	if err != nil {
		return err
	}
	return to.SetShallow(append(list, commit))
}

func write(o *plumbing.MemoryObject, content []byte) error {
	_, err := o.Write(content)
	return err
}
