package pack

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/memory"
)

// largeDeltas is a pack of so many versions of a file, and the last of them. Each is a change of the one before that copies
// one byte with every instruction, of eight bytes, and so has eight times the size of the file.
func largeDeltas(versions, size int) (pack, last []byte) {
	b := bytes.NewBufferString("PACK\x00\x00\x00\x02")
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(versions)))
	w, began := zlib.NewWriter(b), b.Len()
	last = make([]byte, size)
	storeObject(b, w, byte(plumbing.BlobObject), nil, last)
	copies := bytes.Repeat([]byte{0xff, 0, 0, 0, 0, 1, 0, 0}, size-1)
	for version := range versions - 1 {
		delta := append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(size)), uint64(size)), copies...)
		delta = append(delta, 1, byte(version+1))
		last = append(bytes.Repeat(last[:1], size-1), byte(version+1))
		at := b.Len()
		storeObject(b, w, byte(plumbing.OFSDeltaObject), back(at-began), delta)
		began = at
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...), last
}

// A small pack of large deltas, of which each changes what the one before makes, takes the memory of one of them to read,
// not of all: what is taken in all is counted, and less than that is held.
func TestAChainOfLargeDeltasIsReadOneByOne(t *testing.T) {
	const versions, size = 9, 256 << 10
	content, last := largeDeltas(versions, size)
	folder := t.TempDir()
	if err := Keep(t.Context(), folder, bytes.NewReader(content), Limits{}); err != nil {
		t.Fatal(err)
	}
	r := opened(t, folder)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	name := newNamer().name(plumbing.BlobObject, last)
	_, got, _, err := r.Read(name, maxRead)
	runtime.ReadMemStats(&after)
	if err != nil || !bytes.Equal(got, last) {
		t.Fatalf("read as another content: %v", err)
	}
	const deltas = (versions - 1) * 8 * size
	if taken := after.TotalAlloc - before.TotalAlloc; taken > deltas/2 {
		t.Errorf("%d bytes of memory were taken, of deltas that have %d together", taken, deltas)
	}
	readsAs(t, r, name, "blob", last)
}

// Deltas that are held stay as they are while more come, and much memory is not kept for the next chain.
func TestDeltasOfAChainAreHeldTogether(t *testing.T) {
	m := &room{}
	for range 2 {
		m.clear()
		var held [][]byte
		for i := range 60 {
			held = append(held, m.take(int64(i*97)))
			for at := range held[i] {
				held[i][at] = byte(i)
			}
		}
		for _, delta := range held {
			_ = append(delta, 0xff) // which must not be the next one's
		}
		for i, delta := range held {
			if !bytes.Equal(delta, bytes.Repeat([]byte{byte(i)}, i*97)) {
				t.Fatalf("delta %d became another one", i)
			}
		}
	}
	m.take(10 * mostRoom)
	if m.clear(); cap(m.bytes) > mostRoom {
		t.Errorf("%d bytes are kept for the next chain", cap(m.bytes))
	}
}

// What takes much memory to be made waits until others have released theirs; what takes little does not.
func TestWhatIsLargeToReadWaitsForMemory(t *testing.T) {
	const size = readFreely/2 + 1
	large := make([]byte, size)
	changed := append(binary.AppendUvarint(binary.AppendUvarint(nil, size), size), 1, 'x', 0xf0, 0, 0, 0)
	binary.LittleEndian.PutUint16(changed[len(changed)-3:], uint16((size-1)&0xffff))
	changed[len(changed)-1] = byte((size - 1) >> 16)
	little := []byte{9, 5, 5, 's', 'm', 'a', 'l', 'l'}
	folder := t.TempDir()
	content := handmade(large, changed, append(binary.AppendUvarint(nil, size), little[1:]...), 4)
	if err := Keep(t.Context(), folder, bytes.NewReader(content), Limits{}); err != nil {
		t.Fatal(err)
	}
	small := t.TempDir()
	if err := Keep(t.Context(), small, bytes.NewReader(handmade([]byte("a content"), little, []byte("x"), 2)),
		Limits{}); err != nil {
		t.Fatal(err)
	}
	want := append([]byte{'x'}, large[1:]...)
	synctest.Test(t, func(t *testing.T) {
		budget := memory.NewBudget(100 << 20)
		release, err := budget.Take(t.Context(), 100<<20)
		if err != nil {
			t.Fatal(err)
		}
		free := opened(t, small)
		free.memory = budget
		readsAs(t, free, newNamer().name(plumbing.BlobObject, []byte("small")), "blob", []byte("small"))

		r := opened(t, folder)
		r.memory = budget
		read := make(chan error, 1)
		go func() {
			_, got, _, err := r.Read(newNamer().name(plumbing.BlobObject, want), maxRead)
			if err == nil && !bytes.Equal(got, want) {
				err = errors.New("read as another content")
			}
			read <- err
		}()
		synctest.Wait()
		select {
		case err := <-read:
			t.Error("read without memory", err)
		default:
		}
		release()
		if err := <-read; err != nil {
			t.Error(err)
		}
		release, err = budget.Take(context.Background(), 100<<20)
		if err != nil {
			t.Error("what was taken is not given back", err)
		}
		release()
	})
}
