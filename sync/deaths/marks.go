package deaths

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	gosync "sync"
	"time"
)

// Marks are files in a folder that outlives the process: one for each thing of a Sync that is being prepared. What a
// process finds when it starts is what an earlier one was at when it ended. Nil marks nothing.
type Marks struct {
	folder string

	mu    gosync.Mutex
	found map[string]found // by Sync
}

// found is what was found of a Sync.
type found struct {
	since time.Time
	files []string
}

// mark is the content of such a file.
type mark struct {
	Sync  string    `json:"sync"` // namespace and name
	Since time.Time `json:"since"`
}

// Open reads the marks in a folder, which is made if it is missing. Those older than a day prove nothing any more.
func Open(folder string, now time.Time) (*Marks, error) {
	m := &Marks{folder: folder, found: map[string]found{}}
	err := os.MkdirAll(folder, 0o700)
	var files []os.DirEntry
	if err == nil {
		files, err = os.ReadDir(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("marks of what is being prepared: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(folder, f.Name())
		var one mark
		text, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(text, &one) != nil || now.Sub(one.Since) > day {
			_ = os.Remove(path)
			continue
		}
		m.found[one.Sync] = found{one.Since, append(m.found[one.Sync].files, path)}
	}
	return m, nil
}

// Found is when an earlier process began to prepare something of a Sync that it did not bring to an end; false if it
// did.
func (m *Marks) Found(sync string) (since time.Time, is bool) {
	if m == nil {
		return time.Time{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	one, is := m.found[sync]
	return one.since, is
}

// Forget removes what was found of a Sync, once it is remembered elsewhere.
func (m *Marks) Forget(sync string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, path := range m.found[sync].files {
		_ = os.Remove(path)
	}
	delete(m.found, sync)
}

// Begin marks that something of a Sync is being prepared, until end is called.
func (m *Marks) Begin(sync string, now time.Time) (end func(), err error) {
	if m == nil {
		return func() {}, nil
	}
	text, err := json.Marshal(mark{sync, now.UTC().Truncate(time.Microsecond)})
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(m.folder, "")
	}
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("mark that Sync %s is being prepared: %w", sync, err)
	}
	return func() { _ = os.Remove(f.Name()) }, nil
}
