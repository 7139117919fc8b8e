package watches

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Members come and go while others are told: each is told what there is, and no watch is left when all have gone.
func TestMembersComeAndGoAtOnce(t *testing.T) {
	t.Parallel()
	const followers, rounds = 40, 50
	var running sync.WaitGroup
	pool := New(Source[*corev1.Pod]{Follow: tellForEver(&running), NewTrim: func() func(*corev1.Pod) *corev1.Pod { return trimPod },
		Go: running.Go})
	var came sync.WaitGroup
	for i := range followers {
		came.Go(func() {
			for range rounds {
				f := &waits{read: make(chan struct{})}
				leave := pool.Join(app(i%10), f)
				<-f.read
				leave()
			}
		})
	}
	came.Wait()
	running.Wait() // all watches have ended: nobody needs them
}

// tellForEver follows a server that has ten pods, which change all the time.
func tellForEver(running *sync.WaitGroup) func(Selection, Store) context.CancelFunc {
	return func(_ Selection, store Store) context.CancelFunc {
		ctx, cancel := context.WithCancel(context.Background())
		running.Go(func() {
			var all []any
			for i := range 10 {
				all = append(all, newPod(fmt.Sprint("pod-", i), "1", labels.Set{"app": strconv.Itoa(i)}))
			}
			_ = store.Replace(all, "1")
			for version := 2; ctx.Err() == nil; version++ {
				i := strconv.Itoa(version % 10)
				_ = store.Update(newPod("pod-"+i, strconv.Itoa(version), labels.Set{"app": i}))
			}
		})
		return cancel
	}
}

// waits is a follower that says when everything was read.
type waits struct {
	once sync.Once
	read chan struct{}
}

func (*waits) Put(*corev1.Pod) bool      { return true }
func (*waits) Remove(string) bool        { return true }
func (*waits) PutAll([]*corev1.Pod) bool { return true }
func (*waits) Fail(error) bool           { return true }
func (w *waits) Changed()                { w.once.Do(func() { close(w.read) }) }
