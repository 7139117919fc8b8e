package gitsource

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// kept is where the mirror has the refs of Keep.
const kept = "refs/keep/"

// trackedName is the mirror's name for a ref of the server. It is encoded: the server chose the name, and it becomes a
// file's.
func trackedName(name string) plumbing.ReferenceName {
	return plumbing.ReferenceName(tracked + hex.EncodeToString([]byte(name)))
}

// refs lists the mirror's refs under a prefix, with the names they have outside.
func (m *mirror) refs(dir, prefix string) ([]tip, error) {
	if dir == "" {
		return nil, nil
	}
	iter, err := m.storage(dir).IterReferences()
	if err != nil {
		return nil, err
	}
	defer iter.Close()
	var list []tip
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		rest, ok := strings.CutPrefix(ref.Name().String(), prefix)
		if !ok || ref.Type() != plumbing.HashReference {
			return nil
		}
		if prefix == tracked {
			raw, err := hex.DecodeString(rest)
			if err != nil {
				return nil
			}
			rest = string(raw)
		}
		list = append(list, tip{rest, ref.Hash()})
		return nil
	})
	return list, err
}

var keepName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*([./][A-Za-z0-9][A-Za-z0-9_-]*)*$`)

func (m *mirror) keep(ctx context.Context, name string, commit plumbing.Hash) error {
	if !keepName.MatchString(name) || strings.HasSuffix(name, ".lock") {
		return fmt.Errorf("the name %q cannot be a ref: use letters, digits, '-', '_', and single '.' and '/' between them", name)
	}
	if !commit.IsZero() {
		if lacking, err := m.lacking(ctx, []tip{{hash: commit}}); err != nil || len(lacking) > 0 {
			return fmt.Errorf("commit %s is not in the mirror, or not all of it", short(commit))
		}
	}
	unlock, err := lock(ctx, m.home, "refs")
	if err != nil {
		return err
	}
	defer unlock()
	dir, _ := m.newest()
	if dir == "" {
		return errAbsent
	}
	s, ref := m.storage(dir), plumbing.ReferenceName(kept+name)
	if commit.IsZero() {
		return s.RemoveReference(ref)
	}
	return s.SetReference(plumbing.NewHashReference(ref, commit))
}

// carry takes kept commits along into a new repository. What the server no longer has is copied without its history;
// what the old repository lost is lost.
func (m *mirror) carry(ctx context.Context, fresh *objects, dir string) error {
	old, _ := m.newest()
	held, err := m.refs(old, kept)
	if err != nil {
		return nil // the old one is beyond reading
	}
	s := m.storage(dir)
	for _, t := range held {
		err := fresh.whole(ctx, t.hash, map[plumbing.Hash]bool{})
		if err != nil {
			err = m.copyCommit(ctx, s, t.hash)
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
func (m *mirror) copyCommit(ctx context.Context, to shallowStorage, commit plumbing.Hash) error {
	found := map[plumbing.Hash]bool{}
	if err := m.objects.whole(ctx, commit, found); err != nil {
		return err
	}
	found[commit] = true
	for h := range found {
		var copied plumbing.MemoryObject
		err := m.use(func(r *reader) error {
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
