package caught

import (
	"strings"
	"testing"
)

// A panic is caught with its place. Go's own words about it are passed on; those of whoever panics may hold anything.
func TestAPanicIsCaughtWithoutWhatItHolds(t *testing.T) {
	var nobody *Panic
	for name, c := range map[string]struct {
		do   func()
		says string
	}{
		"of Go's": {func() { nobody.what = "x" }, "a turn panicked, which is a fault of Daemongate's: runtime error: invalid " +
			"memory address or nil pointer dereference"},
		"of a library's": {func() { panic("s3cr3t") }, "a string"},
	} {
		p := Catch("a turn", c.do)
		if p == nil || !strings.Contains(p.Error(), c.says) || strings.Contains(p.Error()+p.Stack, "s3cr3t") ||
			!strings.Contains(p.Stack, "caught_test.go") {
			t.Errorf("%s: %v\n%s", name, p, p.Stack)
		}
	}
	first := Catch("an object", func() { panic("s3cr3t") })
	again := Catch("a turn", func() { panic(first) })
	if again.Stack != first.Stack || !strings.HasPrefix(again.Error(), "a turn panicked") {
		t.Errorf("what was caught elsewhere is %v\n%s", again, again.Stack)
	}
	if p := Catch("a turn", func() {}); p != nil {
		t.Error(p)
	}
}
