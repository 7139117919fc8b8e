package forge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/daemongate/daemongate/gitsource/pack"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Bounds of what is fetched of notes. A state takes about half a kilobyte there, in some five objects.
const (
	maxNotesPack    = 256 << 20 // bytes
	maxNotesObjects = 1_500_000
)

// orTooLarge says of notes that are larger than notes can be what to do.
func (p *push) orTooLarge(err error) error {
	var large *remote.PackTooLarge
	if errors.As(err, &large) {
		return fmt.Errorf("%s has more than %d MiB, which is no notes of states: begin it anew by git push origin :%s",
			p.ref, large.Max>>20, p.ref)
	}
	return err
}

// refuseHeavy drops what was fetched if some of it takes more memory to be read than any note does.
func refuseHeavy(dir, ref string) error {
	heavy, err := pack.Heavy(filepath.Join(dir, "objects", "pack"))
	if err == nil && len(heavy) == 0 {
		return nil
	}
	return errors.Join(err, fmt.Errorf("%s has objects that are stored as changes of files of more than 64 MiB, which "+
		"are no notes of states: begin it anew by git push origin :%s", ref, ref), os.RemoveAll(dir))
}

// sweep removes what is left of packs that did not come whole: go-git leaves them.
func sweep(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, "tmp_pack_*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
