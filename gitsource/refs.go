package gitsource

import (
	"context"
	"encoding/hex"
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
		return fmt.Errorf("the name %q cannot be a ref: use letters, digits, '-', '_', and single '.' and '/' "+
			"between them", name)
	}
	if !commit.IsZero() {
		if missing, err := m.proven.missing(ctx, []tip{{hash: commit}}); err != nil || len(missing) > 0 {
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
