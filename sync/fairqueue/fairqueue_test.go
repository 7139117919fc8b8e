package fairqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"
)

// began notes which jobs have begun, and lets each end when it is told to.
type began struct {
	*Queue
	mu     gosync.Mutex
	names  []string
	most   int
	now    int
	finish map[string]chan struct{}
	causes map[string]error
}

func newBegan(o Options) *began {
	return &began{Queue: New(o), finish: map[string]chan struct{}{}, causes: map[string]error{}}
}

// want has a job wait for its turn; it runs until it is ended.
func (b *began) want(ctx context.Context, name string, j Job) {
	end := make(chan struct{})
	b.mu.Lock()
	b.finish[name] = end
	b.mu.Unlock()
	go b.Do(ctx, j, func(ctx context.Context) {
		b.mu.Lock()
		b.names = append(b.names, name)
		b.now++
		b.most = max(b.most, b.now)
		b.mu.Unlock()
		select {
		case <-end:
		case <-ctx.Done():
		}
		b.mu.Lock()
		b.now--
		b.causes[name] = context.Cause(ctx)
		b.mu.Unlock()
	})
	synctest.Wait()
}

func (b *began) end(name string) {
	close(b.finish[name])
	synctest.Wait()
}

func (b *began) expect(t *testing.T, names ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.names, names) {
		t.Errorf("began %v, not %v", b.names, names)
	}
}

// However many jobs of a namespace never end, those of another one run, one after the other, as they came.
func TestANamespaceOfJobsThatNeverEndLeavesRoomForOthers(t *testing.T) {
	for name, o := range map[string]Options{"jobs": {Jobs: 4}, "memory": {Jobs: 100, Memory: 4}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBegan(o)
			ctx, cancel := context.WithCancel(t.Context())
			for i := range 20 {
				b.want(ctx, fmt.Sprint("hang", i), Job{Namespace: "slow", Memory: 1})
			}
			b.expect(t, "hang0", "hang1")
			want := []string{"hang0", "hang1"}
			for i := range 5 {
				one := fmt.Sprint("one", i)
				b.want(ctx, one, Job{Namespace: "other", Memory: 1})
				b.end(one)
				want = append(want, one)
			}
			if b.expect(t, want...); t.Failed() {
				t.Log(name)
			}
			cancel()
			synctest.Wait()
		})
	}
}

// Namespaces take turns, whichever asked first and however much it asks for; within one, who came first is first.
func TestNamespacesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 1})
		for _, name := range []string{"a1", "a2", "a3", "a4", "b1", "c1", "b2"} {
			b.want(t.Context(), name, Job{Namespace: name[:1]})
		}
		for range 7 {
			time.Sleep(2 * short)
			b.end(b.names[len(b.names)-1])
		}
		b.expect(t, "a1", "b1", "c1", "a2", "b2", "a3", "a4")
		if b.most != 1 {
			t.Errorf("%d at once", b.most)
		}
		if len(b.turns)+len(b.waiting)+len(b.running) > 0 {
			t.Errorf("something is left behind: %v", b.turns)
		}
	})
}

// A turn is for four jobs, as long as each is short, whoever else comes; and whoever has had none comes next.
func TestShortJobsOfANamespaceFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 1})
		for _, name := range []string{"a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4", "a5", "b5", "a6"} {
			b.want(t.Context(), name, Job{Namespace: name[:1]})
		}
		for i := range 12 {
			if i == 5 {
				b.want(t.Context(), "c1", Job{Namespace: "c"})
			}
			if b.names[i] == "b2" {
				time.Sleep(2 * short)
			}
			b.end(b.names[i])
		}
		b.expect(t, "a1", "a2", "a3", "a4", "b1", "b2", "c1", "a5", "a6", "b3", "b4", "b5")
	})
}

// However many jobs of a namespace are wanted soon, each fourth one is another one.
func TestWhatIsWantedSoonKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 1})
		b.want(t.Context(), "first", Job{Namespace: "a"})
		b.want(t.Context(), "other", Job{Namespace: "a"})
		b.want(t.Context(), "another", Job{Namespace: "a"})
		for i := range 8 {
			b.want(t.Context(), fmt.Sprint("soon", i), Job{Namespace: "a", Soon: true})
		}
		for i := range 11 {
			b.end(b.names[i])
		}
		b.expect(t, "first", "soon0", "soon1", "soon2", "other", "soon3", "soon4", "soon5", "another", "soon6", "soon7")
	})
}

// A job that is wanted soon goes before the others of its namespace, and before nobody else's.
func TestWhatIsWantedSoonGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 1})
		for _, name := range []string{"a1", "a2", "b1", "a3"} {
			b.want(t.Context(), name, Job{Namespace: name[:1]})
		}
		b.want(t.Context(), "a4", Job{Namespace: "a", Soon: true})
		for range 5 {
			time.Sleep(2 * short)
			b.end(b.names[len(b.names)-1])
		}
		b.expect(t, "a1", "b1", "a4", "a2", "a3")
	})
}

// A job that takes more memory than its namespace's half runs alone in its namespace, and never with more than there is.
func TestALargeJobIsTheOnlyOneOfItsNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 10, Memory: 10})
		b.want(t.Context(), "large", Job{Namespace: "a", Memory: 8})
		b.want(t.Context(), "small", Job{Namespace: "a", Memory: 1})
		b.want(t.Context(), "middle", Job{Namespace: "b", Memory: 5})
		b.want(t.Context(), "other", Job{Namespace: "b", Memory: 2})
		b.expect(t, "large", "other")
		for _, name := range []string{"large", "small", "other", "middle"} {
			b.end(name)
		}
		b.expect(t, "large", "other", "small", "middle")
	})
}

// A job that nobody wants any more leaves the queue, whether it waits or runs.
func TestAJobThatNobodyWantsIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 1})
		first, endFirst := context.WithCancel(t.Context())
		second, endSecond := context.WithCancel(t.Context())
		b.want(first, "first", Job{Namespace: "a"})
		b.want(second, "second", Job{Namespace: "b"})
		b.want(t.Context(), "third", Job{Namespace: "c"})
		endSecond()
		synctest.Wait()
		b.expect(t, "first")
		endFirst()
		synctest.Wait()
		b.expect(t, "first", "third")
		b.end("third")
	})
}

// An urgent job waits neither for a free place nor for its namespace's share, and when all memory is taken by jobs that
// never end, the longest of them is ended for it, soon and alone.
func TestAnUrgentJobWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 2, Memory: 3, Patience: 10 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		b.want(ctx, "a", Job{Namespace: "a", Memory: 1})
		b.want(ctx, "b", Job{Namespace: "b", Memory: 1})
		b.want(ctx, "urgent", Job{Namespace: "a", Memory: 1, Urgent: true})
		b.expect(t, "a", "b", "urgent")
		b.want(ctx, "more", Job{Namespace: "c", Memory: 1, Urgent: true})
		b.expect(t, "a", "b", "urgent")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		b.expect(t, "a", "b", "urgent", "more")
		if !errors.Is(b.causes["a"], ErrEnded) || b.causes["b"] != nil || b.now != 3 {
			t.Errorf("ended: %v; %d are running", b.causes, b.now)
		}
		cancel()
		synctest.Wait()
	})
}

// Suspect jobs run one at a time, and keep nobody else waiting.
func TestSuspectJobsRunOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBegan(Options{Jobs: 8})
		b.want(t.Context(), "a", Job{Namespace: "a", Suspect: true})
		b.want(t.Context(), "b", Job{Namespace: "b", Suspect: true})
		b.want(t.Context(), "c", Job{Namespace: "c"})
		b.expect(t, "a", "c")
		b.end("a")
		b.expect(t, "a", "c", "b")
		b.end("b")
		b.end("c")
	})
}
