package gitsource

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// limits are what a mirror may cost on disk. Nothing is ever removed from one, nor are its packs merged: when it has
// come to a limit, it is made anew.
type limits struct {
	packs  int
	growth int   // times the size when it was made anew
	small  int64 // bytes of growth that do not count
	pack   int64 // bytes of one fetch; 0 is any number
	// objects is how many objects one fetch may have, and disk what all mirrors of the store share.
	objects int64
	disk    *disk
}

// sizeFile is in a mirror's repository, and holds its size in bytes when it was made anew. The size that it has grown
// to is compared with that, and not with a fixed one: a repository that is large would be made anew at every fetch.
const sizeFile = "daemongate-size"

// passed is true of a repository that is to be made anew.
func (l limits) passed(dir string) bool {
	packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err == nil && len(packs) >= l.packs {
		return true
	}
	text, err := os.ReadFile(filepath.Join(dir, sizeFile))
	if err != nil {
		_ = weigh(dir) // it counts from now on
		return false
	}
	fresh, err := strconv.ParseInt(string(text), 10, 64)
	return err != nil || size(dir) > fresh*int64(l.growth)+l.small
}

// weigh notes the size of a repository.
func weigh(dir string) error {
	return os.WriteFile(filepath.Join(dir, sizeFile), strconv.AppendInt(nil, size(dir), 10), 0o600)
}

// disk counts what all mirrors of a store take, in bytes, as they grow.
type disk struct {
	most int64 // 0 is any number

	mu    sync.Mutex
	homes map[string]int64 // nil before the store was looked through
	drift int64            // what has arrived since the homes were measured
}

// diskFull is the error of a fetch that the folder has no room for.
type diskFull struct{ most int64 }

func (e *diskFull) Error() string {
	return fmt.Sprintf("the mirrors of all repositories have %d MiB on disk, and no more is allowed (option "+
		"--mirror-max-disk): allow more, name a smaller repository, or delete Syncs", e.most>>20)
}

// newMirrors is the part of the disk, in fifths, that mirrors may fill which have nothing yet: what is mirrored already
// goes on when others have filled it.
const newMirrors = 4

// room returns how many bytes a mirror may fetch, negative if it is any number; a new one has nothing yet.
func (d *disk) room(home string, fresh bool) (bytes int64, err error) {
	if d.most == 0 {
		return -1, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look(filepath.Dir(home))
	most := d.most
	if fresh {
		most = d.most / 5 * newMirrors
	}
	for _, bytes := range d.homes {
		most -= bytes
	}
	if most -= d.drift; most <= 0 {
		return 0, &diskFull{d.most}
	}
	return most, nil
}

// look measures every mirror, once.
func (d *disk) look(store string) {
	if d.homes != nil {
		return
	}
	d.homes = map[string]int64{}
	entries, err := os.ReadDir(store)
	if err != nil {
		return
	}
	for _, e := range entries {
		if home := filepath.Join(store, e.Name()); mirrorName.MatchString(e.Name()) {
			d.homes[home] = size(home)
		}
	}
}

// arrived counts bytes that a fetch has written and nobody has measured.
func (d *disk) arrived(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drift += bytes
}

// settle measures a mirror after a fetch of so many bytes, or after it was removed.
func (d *disk) settle(home string, fetched int64) {
	if d.most == 0 {
		return
	}
	bytes := size(home)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drift -= fetched
	if d.homes != nil {
		d.homes[home] = bytes
	}
	if bytes == 0 {
		delete(d.homes, home)
	}
}

// metered is a pack as it arrives, counted.
type metered struct {
	io.Reader
	disk  *disk
	bytes int64
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.bytes += int64(n)
	m.disk.arrived(int64(n))
	return n, err
}

// size is what a folder holds, in bytes. What goes away meanwhile is not counted.
func size(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // see above
		}
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
