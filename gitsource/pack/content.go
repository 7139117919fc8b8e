package pack

import (
	"bytes"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// content is what an object or a delta holds: in memory, or in a file if it is large.
type content struct {
	io.ReaderAt
	size  int64
	bytes []byte // nil if it is in a file
	file  *os.File
}

// inBytes is a content in memory.
func inBytes(b []byte) *content {
	if b == nil {
		b = []byte{}
	}
	return &content{ReaderAt: bytes.NewReader(b), size: int64(len(b)), bytes: b}
}

// drop removes the file of a content that has one.
func (c *content) drop() {
	if c == nil || c.file == nil {
		return
	}
	_ = c.file.Close() // it was only read
	_ = os.Remove(c.file.Name())
}

// hash is the name of an object of this type with this content.
func (c *content) hash(t plumbing.ObjectType) (plumbing.Hash, error) {
	h := plumbing.NewHasher(t, c.size)
	if _, err := io.Copy(h, io.NewSectionReader(c, 0, c.size)); err != nil {
		return plumbing.ZeroHash, err
	}
	return h.Sum(), nil
}

// head is the beginning of a delta.
func (c *content) head() *deltaHead {
	h := &deltaHead{}
	_, _ = io.CopyN(h, io.NewSectionReader(c, 0, c.size), maxDeltaHead) // a short one has no sizes
	return h
}

// store is where contents are put: in memory up to so many bytes, else in files of a folder.
type store struct {
	folder   string
	inMemory int64
}

// make puts a content of about so many bytes where it belongs.
func (s store) make(size int64, write func(io.Writer) error) (*content, error) {
	if size <= s.inMemory {
		var b bytes.Buffer
		b.Grow(int(min(size, 1<<20)))
		err := write(&b)
		return inBytes(b.Bytes()), err
	}
	file, err := os.CreateTemp(s.folder, "tmp_content_*")
	if err != nil {
		return nil, err
	}
	c := &content{ReaderAt: file, file: file}
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
