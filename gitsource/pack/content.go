package pack

import (
	"bytes"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// content is what an object or a delta holds: in memory, or in a file if it is large.
type content struct {
	size  int64
	bytes []byte // if it is in no file
	file  *os.File
}

func (c *content) reader() io.ReaderAt {
	if c.file != nil {
		return c.file
	}
	return bytes.NewReader(c.bytes)
}

// drop removes the file of a content that has one.
func (c *content) drop() {
	if c == nil || c.file == nil {
		return
	}
	_ = c.file.Close() // it was only read
	_ = os.Remove(c.file.Name())
}

// name is the name of an object of this type with this content.
func (c *content) name(t plumbing.ObjectType, n *namer) (plumbing.Hash, error) {
	if c.file == nil {
		return n.name(t, c.bytes), nil
	}
	h := plumbing.NewHasher(t, c.size)
	if _, err := io.Copy(h, io.NewSectionReader(c.file, 0, c.size)); err != nil {
		return plumbing.ZeroHash, err
	}
	return h.Sum(), nil
}

// head is the beginning of a delta.
func (c *content) head() *deltaHead {
	h := &deltaHead{}
	if c.file == nil {
		h.bytes = c.bytes[:min(len(c.bytes), maxDeltaHead)]
		return h
	}
	_, _ = io.CopyN(h, io.NewSectionReader(c.file, 0, c.size), maxDeltaHead) // a short one has no sizes
	return h
}

// store is where contents are put: in memory up to so many bytes, else in files of a folder.
type store struct {
	folder   string
	inMemory int64
}

// inFile puts a content into a file.
func (s store) inFile(write func(io.Writer) error) (*content, error) {
	file, err := os.CreateTemp(s.folder, "tmp_content_*")
	if err != nil {
		return nil, err
	}
	c := &content{file: file}
	counted := &counter{Writer: file}
	if err := write(counted); err != nil {
		c.drop()
		return nil, err
	}
	c.size = counted.n
	return c, nil
}

// counter counts what goes through it.
type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}
