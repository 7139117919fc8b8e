package gitsource_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

const mib = 1 << 20

// pushNoise puts main at a commit beside the first one, with a file that no compression makes smaller.
func (m *mirrored) pushNoise(bytes int) string {
	m.Helper()
	noise := make([]byte, bytes)
	_, _ = rand.Read(noise) // never fails
	m.git("reset", "-q", "--hard", "root")
	return m.change("d0/f0", string(noise))
}

func (m *mirrored) size() (bytes int64) {
	m.Helper()
	for _, path := range m.files("") {
		if info, err := os.Stat(path); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

func (m *mirrored) limited(o gitsource.Options) *gitsource.Repository {
	m.Helper()
	store := gitsource.Open(m.dir, patient(o))
	m.Cleanup(store.Close)
	r, err := store.Repository(m.host.URL+"/.git", gitsource.Auth{})
	if err != nil {
		m.Fatal(err)
	}
	return r
}

// What force-pushes leave behind goes when the mirror has grown too far, while who reads goes on reading; what is kept
// stays.
func TestDiskIsBoundedBySize(t *testing.T) {
	t.Parallel()
	const noise = 256 << 10
	m := mirror(t)
	m.git("tag", "root")
	r := m.limited(gitsource.Options{}.WithSmallGrowth(noise))
	kept := m.pushNoise(noise)
	m.intact(r)
	if err := r.Keep("platform/agents", kept); err != nil {
		t.Fatal(err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
			}
			if tree, err := r.Tree(t.Context(), kept); err != nil {
				t.Error(err)
			} else if content, err := tree.ReadFile("d0/f0"); err != nil || len(content) != noise {
				t.Error(len(content), err)
			}
		}
	}()
	for range 10 {
		m.pushNoise(noise)
		m.intact(r)
		// Fresh, it holds the head and what is kept: twice these, the growth that does not count, and the last fetch.
		if n := m.size(); n > 6.5*noise {
			t.Errorf("the mirror holds %d KiB", n>>10)
		}
	}
	close(done)
	<-ended
	readAll(t, m.limited(gitsource.Options{}), kept)
}

// A repository that is large, and grows as repositories do, is not mirrored anew at every fetch.
func TestLargeRepositoryStaysMirrored(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	m.git("tag", "root")
	m.pushNoise(mib)
	r := m.limited(gitsource.Options{}.WithSmallGrowth(1))
	m.intact(r)
	was := filepath.Dir(m.files("HEAD")[0])
	for range 3 {
		m.change("d0/f0", "small")
		m.intact(r)
		m.change("d0/f0", "smaller")
		m.intact(m.limited(gitsource.Options{}.WithSmallGrowth(1))) // another process
	}
	if is := filepath.Dir(m.files("HEAD")[0]); is != was {
		t.Errorf("the mirror was made anew: %s, before %s", is, was)
	}
}

// A repository that is larger than allowed is an error that says so, and leaves nothing on the disk.
func TestTooLargeRepository(t *testing.T) {
	t.Parallel()
	m := mirror(t)
	m.git("tag", "root")
	tip := head(t, m.limited(gitsource.Options{MaxPack: mib}))
	before := m.size()
	m.pushNoise(2 * mib)
	r := m.limited(gitsource.Options{MaxPack: mib})
	wrong(t, r, main, "more than 1 MiB", "allow more")
	readAll(t, r, tip)
	wrong(t, r, main, "more than 1 MiB")
	if n := m.size(); n > before+3*mib/2 { // the last draft goes with the next fetch
		t.Errorf("the mirror holds %d KiB", n>>10)
	}
	m.intact(m.limited(gitsource.Options{MaxPack: 8 * mib}))
}
