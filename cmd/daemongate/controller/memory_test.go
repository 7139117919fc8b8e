package controller

import (
	"runtime/debug"
	"strings"
	"testing"
)

// The controller takes what the container may but for what is for renders, and an eighth; a container without room for
// it is said to be one.
func TestMemoryIsSharedWithRenders(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for text, want := range map[string]string{"": "", "1610612736": "", "1Gi": "no number of bytes",
		"1073741824": "less than the 128 MiB"} {
		debug.SetMemoryLimit(before)
		err := limitMemory(text, 1<<30)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
		limit := before
		if text == "1610612736" {
			limit = 448 << 20
		}
		if got := debug.SetMemoryLimit(-1); got != limit {
			t.Errorf("%q: the limit is %d, not %d", text, got, limit)
		}
	}
}
