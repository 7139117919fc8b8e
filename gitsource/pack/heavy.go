package pack

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
)

// A pack with heavy objects has a file beside its index that lists them, a name and a size in bytes a line. Git and
// go-git take no notice of it.
const heavyList = ".heavy"

func writeHeavy(folder, name string, heavy map[plumbing.Hash]int64) error {
	if len(heavy) == 0 {
		return nil
	}
	draft, err := os.CreateTemp(folder, "tmp_heavy_*")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name()) // it has another name by then, if all went well
	w := bufio.NewWriter(draft)
	for h, size := range heavy {
		_, _ = fmt.Fprintln(w, h, size) // a buffer keeps its first error for Flush
	}
	if err := errors.Join(w.Flush(), draft.Close()); err != nil {
		return err
	}
	return place(draft.Name(), name+heavyList)
}

// Heavy are the objects of a folder objects/pack that nobody should read, with their sizes in bytes: more than 64 MiB
// of memory are taken at once by an object, or by what it is stored as a change of.
func Heavy(folder string) (map[plumbing.Hash]int64, error) {
	lists, err := filepath.Glob(filepath.Join(folder, "pack-*"+heavyList))
	heavy := map[plumbing.Hash]int64{}
	for _, list := range lists {
		err = errors.Join(err, readHeavy(list, heavy))
	}
	return heavy, err
}

func readHeavy(list string, into map[plumbing.Hash]int64) error {
	file, err := os.Open(list)
	if err != nil {
		return err
	}
	defer file.Close() // it was only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var name string
		var size int64
		if _, err := fmt.Sscan(lines.Text(), &name, &size); err != nil {
			return fmt.Errorf("%s: %w", list, err)
		}
		into[plumbing.NewHash(name)] = size
	}
	return nil
}
