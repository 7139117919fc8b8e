package forge

import (
	"bufio"
	"io/fs"
	"strings"

	"github.com/go-git/go-billy/v5"
)

// notesFolder is a folder with the notes that were fetched or pushed, a small pack for each time. go-git reads all of
// their indexes whenever it looks for an object, four bytes at a time: here they are read at once.
type notesFolder struct{ billy.Filesystem }

// Open opens a file for reading.
func (d notesFolder) Open(name string) (billy.File, error) {
	f, err := d.Filesystem.Open(name)
	if err != nil || !strings.HasSuffix(name, ".idx") {
		return f, err
	}
	return &indexFile{File: f, content: bufio.NewReaderSize(f, 16<<10), in: d.Filesystem, name: name}, nil
}

// indexFile is read from its beginning to its end.
type indexFile struct {
	billy.File
	content *bufio.Reader
	in      billy.Filesystem
	name    string
}

func (f *indexFile) Read(p []byte) (int, error) { return f.content.Read(p) }

// Stat is asked by go-git for how long the file is.
func (f *indexFile) Stat() (fs.FileInfo, error) { return f.in.Stat(f.name) }
