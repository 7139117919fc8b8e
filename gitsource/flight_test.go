package gitsource_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// A thousand Syncs that ask while a poll is under way share the next one.
func TestCallersShareAPoll(t *testing.T) {
	t.Parallel()
	const callers = 1000
	w := newWork(t)
	tip := w.commit("a")
	server := serve(t, w.dir)
	allHere := make(chan struct{})
	server.before = func(http.ResponseWriter, *http.Request) bool { <-allHere; return false }
	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	t.Cleanup(store.Close)
	var group sync.WaitGroup
	var here atomic.Int64
	for range callers {
		group.Go(func() {
			r, err := store.Repository(server.URL+"/.git", gitsource.Auth{})
			if err != nil {
				t.Error(err)
				return
			}
			if here.Add(1) == callers {
				close(allHere)
			}
			if got, err := r.Head(t.Context(), main); err != nil || got != tip {
				t.Errorf("head is %s: %v", got, err)
			}
		})
	}
	group.Wait()
	// The poll that the first began, one for all the others, and one for who was last if it was slow.
	if n := server.adverts.Load(); n > 3 {
		t.Errorf("%d callers cost %d advertisements", callers, n)
	}
	if n := server.fetches.Load(); n != 1 {
		t.Errorf("%d callers cost %d fetches", callers, n)
	}
}

// An answer is never older than the question: who asks while a poll is under way gets what was pushed in the meantime.
func TestAnswerIsNeverOlderThanTheQuestion(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.commit("a")
	server := serve(t, w.dir)
	under, release := make(chan struct{}), make(chan struct{})
	var polls atomic.Int64
	server.before = func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/info/refs") && polls.Add(1) == 2 {
			// The answer is made before the push, and arrives after it.
			backend := w.git("rev-parse", "main")
			close(under)
			<-release
			line := backend + " refs/heads/main\x00side-band-64k ofs-delta\n"
			rw.Write([]byte("001e# service=git-upload-pack\n0000"))
			rw.Write([]byte(pktLine(line) + "0000"))
			return true
		}
		return false
	}
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	head(t, r)
	early := make(chan string, 1)
	go func() {
		h, _ := r.Head(context.Background(), main)
		early <- h
	}()
	<-under
	second := w.commit("b")
	late := make(chan string, 1)
	go func() {
		h, _ := r.Head(context.Background(), main)
		late <- h
	}()
	close(release)
	if got := <-early; got != first {
		t.Errorf("the early caller got %s, want %s", got, first)
	}
	if got := <-late; got != second {
		t.Errorf("the late caller got %s, want %s", got, second)
	}
}

func pktLine(s string) string {
	const digits = "0123456789abcdef"
	n := len(s) + 4
	return string([]byte{digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15]}) + s
}

// Who has no time to wait is told so at once, and does not spoil it for the others.
func TestImpatientCaller(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	server := serve(t, w.dir)
	release := make(chan struct{})
	server.before = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	patient := make(chan string, 1)
	go func() {
		h, err := r.Head(context.Background(), main)
		if err != nil {
			h = err.Error()
		}
		patient <- h
	}()
	if _, err := r.Head(ctx, main); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the impatient caller got %v", err)
	}
	close(release)
	if got := <-patient; got != tip {
		t.Errorf("the patient caller got %s, want %s", got, tip)
	}
}
