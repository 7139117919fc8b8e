package manifests

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/daemongate/daemongate/manifests/caught"
)

// A panic at one of many objects is their caller's, who can catch it: the process goes on, the others are done, and the
// stack is that of the one.
func TestAPanicAtOneObjectIsTheCallers(t *testing.T) {
	var done atomic.Int32
	p := caught.Catch("applying", func() {
		sideBySide([]int{1, 2, 3}, func(i int) (int, error) {
			if i == 2 {
				panic("s3cr3t")
			}
			done.Add(1)
			return i, nil
		})
	})
	if p == nil || done.Load() != 2 || !strings.HasPrefix(p.Error(), "applying panicked") ||
		!strings.Contains(p.Stack, "order_test.go") || strings.Contains(p.Error()+p.Stack, "s3cr3t") {
		t.Errorf("%v, and %d others were done", p, done.Load())
	}
}
