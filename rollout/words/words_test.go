package words

import (
	"strings"
	"testing"
)

// Names that do not fold are cut off, and it is said how many there are more.
func TestALongListIsCutOff(t *testing.T) {
	var names []string
	for c := 'a'; c <= 'z'; c++ {
		names = append(names, "node-"+string(c))
	}
	if got := FoldSome(names); !strings.HasSuffix(got, "node-l and 14 more") {
		t.Error(got)
	}
}
