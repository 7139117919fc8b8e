package sync

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	gosync "sync"

	"github.com/daemongate/daemongate/render"
)

// mostDeaths is how many ends of the process a render may have been under way at, before it is refused. At the first, others
// may have been to blame; from then on it runs alone.
const mostDeaths = 3

// Attempts remembers in a folder, which outlives the process, what is being rendered. A render is bounded by what it is
// given, but kustomize can neither be interrupted nor told how much memory to take: one commit can grow, by replacements of
// what replacements made, until the process is killed. Without a memory it would be rendered again at every start, for ever,
// and all other Syncs with it. It is safe for concurrent use, by one process at a time.
type Attempts struct {
	folder string
	alone  gosync.RWMutex // held for writing by a render that may have ended the process before

	mu    gosync.Mutex
	under map[string]bool // files of the renders that have not ended, waited for or not
}

// OpenAttempts keeps the memory in a folder, which is made when it is needed.
func OpenAttempts(folder string) *Attempts {
	return &Attempts{folder: folder, under: map[string]bool{}}
}

// Build is render.Build of one version of something, such as a commit of a Sync. A version that the process did not
// survive three times is an error. Trouble with the folder stops no render: it is only not remembered.
func (a *Attempts) Build(ctx context.Context, of, version string, tree fs.FS, dir string, o render.Options) (render.Result, error) {
	file := a.file(of, version)
	deaths := begun(file)
	if deaths >= mostDeaths {
		return render.Result{}, fmt.Errorf("the process ended %d times while it rendered this, at last with no other beside it: most likely it takes more memory "+
			"than there is (look for vars, and for replacements of what replacements made); render less, or give Daemongate more memory", deaths)
	}
	if deaths > 0 {
		a.alone.Lock()
		defer a.alone.Unlock()
	} else {
		a.alone.RLock()
		defer a.alone.RUnlock()
	}
	if !a.begin(file) {
		return render.Result{}, &render.SlowError{Folder: dir, Limit: o.Timeout, Left: true}
	}
	a.remember(file, deaths+1)
	o.Ended = func() {
		_ = os.Remove(file)
		a.end(file)
	}
	result, err := render.Build(ctx, tree, dir, o)
	if ctx.Err() != nil { // the process is asked to end, or need not wait
		_ = os.Remove(file)
	}
	return result, err
}

// begin notes that a version is being rendered. Of one that took too long, and goes on although nobody waits for it, no
// second render is begun beside the first: kustomize cannot be interrupted.
func (a *Attempts) begin(file string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.under[file] {
		return false
	}
	a.under[file] = true
	return true
}

func (a *Attempts) end(file string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.under, file)
}

// file is where the attempts at a version of something are remembered. Those that are never tried again stay: a few bytes
// for each death of the process.
func (a *Attempts) file(of, version string) string {
	return filepath.Join(a.folder, fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%q %q", of, version))))
}

// begun is how many attempts began that did not end.
func begun(file string) int {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	count, _ := strconv.Atoi(string(content))
	return count
}

func (a *Attempts) remember(file string, begun int) {
	draft := file + ".new"
	if os.MkdirAll(a.folder, 0o700) == nil && os.WriteFile(draft, strconv.AppendInt(nil, int64(begun), 10), 0o600) == nil {
		_ = os.Rename(draft, file)
	}
}
