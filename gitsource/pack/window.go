package pack

import "io"

// window reads a pack on the disk from any offset on. What it has read of the neighbourhood is not read again.
type window struct {
	file  io.ReaderAt
	size  int
	from  int64  // where its bytes begin
	bytes []byte // nil before the first read: most readers need one window, and for a moment
	at    int
}

func newWindow(file io.ReaderAt, size int) *window { return &window{file: file, size: size} }

// has reports whether an offset is among what was read, or follows it.
func (w *window) has(offset int64) bool {
	return len(w.bytes) > 0 && offset >= w.from && offset <= w.from+int64(len(w.bytes))
}

// seek goes to an offset.
func (w *window) seek(offset int64) {
	if offset < w.from || offset > w.from+int64(len(w.bytes)) {
		w.from, w.bytes = offset, w.bytes[:0]
	}
	w.at = int(offset - w.from)
}

// offset is where it is read next.
func (w *window) offset() int64 { return w.from + int64(w.at) }

// forget has everything read anew.
func (w *window) forget() { w.bytes, w.at = w.bytes[:0], 0 }

func (w *window) fill() error {
	if w.bytes == nil {
		w.bytes = make([]byte, 0, w.size)
	}
	w.from += int64(len(w.bytes))
	n, err := w.file.ReadAt(w.bytes[:cap(w.bytes)], w.from)
	w.bytes, w.at = w.bytes[:n], 0
	if n > 0 {
		return nil
	}
	return err
}

func (w *window) ReadByte() (byte, error) {
	if w.at == len(w.bytes) {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	b := w.bytes[w.at]
	w.at++
	return b, nil
}

func (w *window) Read(p []byte) (int, error) {
	if w.at == len(w.bytes) {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.bytes[w.at:])
	w.at += n
	return n, nil
}
