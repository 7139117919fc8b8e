package remembered_test

import (
	"fmt"
	"testing"

	"github.com/daemongate/daemongate/render/grouped"
	"github.com/daemongate/daemongate/render/remembered"
)

// What is kept is bounded in bytes: what nobody has asked for for longest goes, and what is larger than all that may be
// kept is not kept at all.
func TestWhatIsKeptIsBounded(t *testing.T) {
	s := remembered.New(100_000)
	object := []grouped.Kept{{Name: "a", JSON: make([]byte, 9_000)}}
	for i := range 100 {
		s.Keep(fmt.Sprint(i), object)
		s.Recall([]string{"0"})
	}
	if n := s.Len(); n < 8 || n > 11 {
		t.Errorf("%d groups of 9 KB are kept in 100 KB", n)
	}
	known := s.Recall([]string{"0", "50", "99"})
	if known["0"] == nil || known["50"] != nil || known["99"] == nil {
		t.Errorf("kept: %d", len(known))
	}
	s.Keep("large", []grouped.Kept{{JSON: make([]byte, 200_000)}})
	if s.Recall([]string{"large"})["large"] != nil || s.Recall([]string{"99"})["99"] == nil {
		t.Error("one large group took the place of all others")
	}
}
