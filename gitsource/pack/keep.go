// Package pack keeps packs, the files in which Git sends objects: it names every object of one and writes the index by
// which they are found. It does so in memory that depends on the number of objects, some 60 bytes each, and hardly on
// what they hold: go-git's own indexer takes a kilobyte each.
//
// The format is Git's: https://git-scm.com/docs/gitformat-pack.
package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/memory"
)

// Limits bound what it takes to keep a pack.
type Limits struct {
	// Objects is how many a pack may have at most; any number if it is zero.
	Objects int64
	// Memory is what is shared with others; nil is what all of the process share.
	Memory *memory.Budget
}

const (
	// perObject is about how many bytes an object takes while a pack is kept, lists that grow included.
	perObject = 160
	// listed is how many objects a pack may have that are listed in memory while it arrives. Those of a larger one are
	// listed on the disk, so that nobody holds memory while a server is slow.
	listed = 1 << 15
)

// TooMany is the error of a pack with more objects than allowed.
type TooMany struct{ Objects, Allowed int64 }

func (e *TooMany) Error() string {
	return fmt.Sprintf("it has %d objects, and no more than %d are allowed", e.Objects, e.Allowed)
}

// Keep stores the pack that it reads in a repository's folder objects/pack, with its index. What it reads must be a
// whole pack that needs no object of any other; otherwise it is an error, and nothing is kept. A pack without objects
// is not kept either. Of contents that deltas change or make, each worker has those in files of the folder that are
// larger than its share of 16 MiB, two or three at a time.
func Keep(ctx context.Context, folder string, content io.Reader, limits Limits) (err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, "tmp_pack_*")
	if err != nil {
		return err
	}
	defer func() {
		_ = os.Remove(file.Name()) // it has another name by then, if all went well
		err = errors.Join(err, file.Close())
	}()
	if limits.Memory == nil {
		limits.Memory = memory.Process()
	}
	objects, sum, release, err := limits.receive(ctx, file, content)
	if err != nil || len(objects.entries) == 0 {
		return err
	}
	defer release()
	if err := resolve(ctx, file, objects, keptContent, store{folder, inMemory}); err != nil {
		return err
	}
	return install(file.Name(), folder, objects, sum)
}

// receive writes a pack to a file while it is scanned. The memory that is needed from then on is taken until it is
// released.
func (l Limits) receive(ctx context.Context, file *os.File, content io.Reader) (o *objects, sum plumbing.Hash,
	release func(), err error) {
	var head [12]byte // a signature, a version, and the number of objects
	n, err := io.ReadFull(content, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, sum, nil, err
	}
	content = io.MultiReader(bytes.NewReader(head[:n]), content)
	count := int64(binary.BigEndian.Uint32(head[8:]))
	if l.Objects > 0 && count > l.Objects {
		return nil, sum, nil, &TooMany{count, l.Objects}
	}
	if count > listed {
		return l.receiveMany(ctx, file, content)
	}
	o = newObjects()
	if sum, err = scan(ctx, content, file, o); err != nil {
		return nil, sum, nil, err
	}
	release, err = l.Memory.Take(ctx, o.memory())
	return o, sum, release, err
}

// receiveMany lists the objects in a file at first: nobody holds memory while a server is slow.
func (l Limits) receiveMany(ctx context.Context, file *os.File, content io.Reader) (o *objects, sum plumbing.Hash,
	release func(), err error) {
	lines, err := newSpool(filepath.Dir(file.Name()))
	if err != nil {
		return nil, sum, nil, err
	}
	defer lines.remove()
	if sum, err = scan(ctx, content, file, lines); err != nil {
		return nil, sum, nil, err
	}
	if release, err = l.Memory.Take(ctx, int64(lines.count)*perObject+3*inMemory+keptContent); err != nil {
		return nil, sum, nil, err
	}
	if o, err = lines.load(); err != nil {
		release()
	}
	return o, sum, release, err
}

// install gives a pack its index and its name; the pack comes last, since who finds it looks for the index.
func install(file, folder string, o *objects, sum plumbing.Hash) error {
	name := filepath.Join(folder, fmt.Sprintf("pack-%s", sum))
	if err := writeHeavy(folder, name, o.heavy); err != nil {
		return err
	}
	draft, err := os.CreateTemp(folder, "tmp_idx_*")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name()) // as above
	err = writeIndex(draft, o.entries, sum)
	if err := errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return errors.Join(place(draft.Name(), name+".idx"), place(file, name+".pack"))
}

// place gives a file its name, under which nobody writes to it any more.
func place(draft, name string) error {
	if err := os.Chmod(draft, 0o444); err != nil {
		return err
	}
	return os.Rename(draft, name)
}
