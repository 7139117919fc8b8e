// Package pack keeps packs, the files in which Git sends objects: it names every object of one and writes the index by
// which they are found. It does so in memory that depends on the number of objects, some 60 bytes each, and hardly on
// what they hold: go-git's own indexer takes a kilobyte each.
//
// The format is Git's: https://git-scm.com/docs/gitformat-pack.
package pack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// Keep stores the pack that it reads in a repository's folder objects/pack, with its index. What it reads must be a
// whole pack that needs no object of any other; otherwise it is an error, and nothing is kept. A pack without objects
// is not kept either.
func Keep(ctx context.Context, folder string, content io.Reader) (err error) {
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
	objects, sum, err := receive(ctx, file, content)
	if err != nil || len(objects.entries) == 0 {
		return err
	}
	if err := resolve(ctx, file, objects, keptContent); err != nil {
		return err
	}
	return install(file.Name(), folder, objects.entries, sum)
}

// receive writes a pack to a file while it is scanned.
func receive(ctx context.Context, file io.Writer, content io.Reader) (*objects, plumbing.Hash, error) {
	end := &tail{}
	buffered := bufio.NewWriterSize(io.MultiWriter(file, end), 1<<16)
	objects, sum, err := scan(ctx, io.TeeReader(content, buffered))
	if err := errors.Join(err, buffered.Flush()); err != nil {
		return nil, sum, err
	}
	n, err := content.Read(make([]byte, 1))
	if n > 0 || (len(objects.entries) > 0 && plumbing.Hash(end.bytes) != sum) {
		return nil, sum, fmt.Errorf("%w: something follows the pack", packfile.ErrMalformedPackFile)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, sum, err
	}
	return objects, sum, nil
}

// tail keeps the last bytes that are written to it: a pack ends with its checksum.
type tail struct{ bytes [20]byte }

func (t *tail) Write(p []byte) (int, error) {
	end := append(t.bytes[:], p[max(0, len(p)-len(t.bytes)):]...)
	copy(t.bytes[:], end[len(end)-len(t.bytes):])
	return len(p), nil
}

// install gives a pack its index and its name; the pack comes last, since who finds it looks for the index.
func install(file, folder string, entries []entry, sum plumbing.Hash) error {
	draft, err := os.CreateTemp(folder, "tmp_idx_*")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name()) // as above
	err = writeIndex(draft, entries, sum)
	if err := errors.Join(err, draft.Close()); err != nil {
		return err
	}
	name := filepath.Join(folder, fmt.Sprintf("pack-%s", sum))
	return errors.Join(place(draft.Name(), name+".idx"), place(file, name+".pack"))
}

// place gives a file its name, under which nobody writes to it any more.
func place(draft, name string) error {
	if err := os.Chmod(draft, 0o444); err != nil {
		return err
	}
	return os.Rename(draft, name)
}
