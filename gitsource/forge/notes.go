package forge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// notesTimeout bounds one write of notes, with all its repetitions.
const notesTimeout = 2 * time.Minute

// Notes reports into the repository itself: a note per commit in the cluster's own ref, with a line per context. A
// newer state of a context replaces its line; lines of others stay. It works with every Git server that can be pushed
// to.
//
// It is the one writer of its process for a repository: what is reported while a push is under way goes with the next,
// in one commit. Writers elsewhere are merged with. Safe for concurrent use.
type Notes struct {
	url   string
	ref   string
	auth  func(context.Context) (remote.Auth, error)
	dir   string // no other writer's
	reach remote.Reach

	maxPack int64 // bytes
	// keys are those by which the notes are signed; nil if they are not.
	keys func() ([]ssh.Signer, error)

	turn chan struct{} // held by who writes, for all who wait

	mu      sync.Mutex
	waiting []*job
}

// job is one call of Report.
type job struct {
	statuses []Status
	done     chan struct{}
	err      error // written before done is closed
}

// NewNotes returns the writer of a cluster's notes in a repository. It keeps what it has read of them in a folder under
// dir, which it shares with a writer of the same URL, cluster and identity only. A URL that cannot be used is an error
// of Report.
func NewNotes(url, cluster string, auth remote.Auth, dir string) *Notes {
	name := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", url, cluster, auth.Identity))
	return NewNotesFrom(url, cluster, func(context.Context) (remote.Auth, error) { return auth, nil },
		filepath.Join(dir, hex.EncodeToString(name[:16])), remote.Reach{})
}

// NewNotesFrom is NewNotes with credentials that are read before each write, so that they can be exchanged, with a
// folder that belongs to that URL, cluster and those credentials only, and with where connections may lead. A process
// has one writer of a folder at a time: two would take from each other what they are reading.
func NewNotesFrom(url, cluster string, auth func(context.Context) (remote.Auth, error), folder string,
	reach remote.Reach) *Notes {
	return &Notes{url: url, ref: RefOf(cluster), auth: auth, dir: folder, reach: reach, maxPack: maxNotesPack,
		turn: make(chan struct{}, 1)}
}

// Report returns when the statuses are in the repository, or what is wrong. Of several for one commit and context the
// last counts. If there is nothing to change, nothing is pushed.
func (n *Notes) Report(ctx context.Context, statuses []Status) Answer {
	good, refused := valid(statuses)
	a := Answer{Refused: refused}
	if len(good) == 0 {
		return a
	}
	if a.Trouble = n.join(ctx, good); a.Trouble == nil {
		a.Told = good
	}
	return a
}

// join has statuses written together with those of others who wait.
func (n *Notes) join(ctx context.Context, statuses []Status) error {
	j := &job{statuses: statuses, done: make(chan struct{})}
	n.enqueue(j)
	select {
	case n.turn <- struct{}{}:
		n.lead(ctx, j)
		<-n.turn
	case <-j.done:
	case <-ctx.Done():
		n.take(j)
		return fmt.Errorf("notes: %w", context.Cause(ctx))
	}
	return j.err
}

func (n *Notes) enqueue(jobs ...*job) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting = append(n.waiting, jobs...)
}

// take removes one job from those that wait, or all of them.
func (n *Notes) take(only *job) []*job {
	n.mu.Lock()
	defer n.mu.Unlock()
	if only == nil {
		all := n.waiting
		n.waiting = nil
		return all
	}
	for i, j := range n.waiting {
		if j == only {
			n.waiting = append(n.waiting[:i:i], n.waiting[i+1:]...)
			return []*job{j}
		}
	}
	return nil
}

// lead writes for all who wait. If the leader has no more time, the others get their own turn.
func (n *Notes) lead(ctx context.Context, leader *job) {
	select {
	case <-leader.done: // somebody else did it
		return
	default:
	}
	jobs := n.take(nil)
	var all []Status
	for _, j := range jobs {
		all = append(all, j.statuses...)
	}
	limited, cancel := context.WithTimeout(ctx, notesTimeout)
	defer cancel()
	err := n.write(limited, all)
	if err != nil && ctx.Err() != nil {
		leader.err = err
		n.requeue(jobs, leader)
		return
	}
	for _, j := range jobs {
		j.err = err
		close(j.done)
	}
}

func (n *Notes) requeue(jobs []*job, but *job) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var rest []*job
	for _, j := range jobs {
		if j != but {
			rest = append(rest, j)
		}
	}
	n.waiting = append(rest, n.waiting...)
}

// write moves the ref on, from wherever it is by then.
func (n *Notes) write(ctx context.Context, statuses []Status) error {
	auth, err := n.auth(ctx)
	if err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	to, err := remote.New(n.url, auth, remote.Options{Reach: n.reach})
	if err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	defer to.Close()
	keys, err := n.signers()
	if err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	p := &push{to: to, ref: n.ref, dir: n.dir, maxPack: n.maxPack, keys: keys, statuses: statuses, now: time.Now()}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	if err := p.run(ctx); err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	return nil
}
