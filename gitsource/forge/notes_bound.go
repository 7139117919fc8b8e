package forge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// maxNotesPack is how many bytes of notes are fetched at most. A state takes about half a kilobyte there, and go-git
// indexes what it fetches in memory.
const maxNotesPack = 256 << 20

// orTooLarge says of notes that are larger than notes can be what to do.
func orTooLarge(err error) error {
	var large *remote.PackTooLarge
	if errors.As(err, &large) {
		return fmt.Errorf("%s has more than %d MiB, which is no notes of states: begin it anew by git push origin :%s",
			NotesRef, large.Max>>20, NotesRef)
	}
	return err
}

// sweep removes what is left of packs that did not come whole: go-git leaves them.
func sweep(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, "tmp_pack_*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
