package forge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/storage/filesystem"
)

// maxNotesPack is how many bytes of notes are fetched at most. A state takes about half a kilobyte there, and go-git
// indexes what it fetches in memory.
const maxNotesPack = 256 << 20

// bounded is storage that takes no pack of more than max bytes.
type bounded struct {
	*filesystem.Storage
	max int64
}

// PackfileWriter takes a pack.
func (b bounded) PackfileWriter() (io.WriteCloser, error) {
	w, err := b.Storage.PackfileWriter()
	return &boundedWriter{w, b.max, b.max}, err
}

type boundedWriter struct {
	io.WriteCloser
	max, left int64
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left < 0 {
		return 0, fmt.Errorf("%s has more than %d MiB, which is no notes of states: begin it anew by git push origin :%s", NotesRef, w.max>>20, NotesRef)
	}
	return w.WriteCloser.Write(p)
}

// sweep removes what is left of packs that did not come whole: go-git leaves them.
func sweep(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, "tmp_pack_*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
