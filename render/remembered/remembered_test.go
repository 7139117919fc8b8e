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
	store := remembered.New(100_000)
	s := store.Of("a")
	object := []grouped.Kept{{Name: "a", JSON: make([]byte, 9_000)}}
	for i := range 100 {
		s.Keep(fmt.Sprint(i), object)
		s.Recall([]string{"0"})
	}
	if n := store.Len(); n < 8 || n > 11 {
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

// What a tenant's render says of a digest is for that tenant alone: whatever it says of a group of another one's, that one
// renders it, or has what its own render came to.
func TestATenantRemembersItsOwn(t *testing.T) {
	s := remembered.New(100_000)
	wrong, right := []grouped.Kept{{Name: "wrong"}}, []grouped.Kept{{Name: "right"}}
	s.Of("evil").Keep("digest", wrong)
	if known := s.Of("good").Recall([]string{"digest"}); len(known) > 0 {
		t.Errorf("another tenant's: %v", known)
	}
	s.Of("good").Keep("digest", right)
	if known := s.Of("good").Recall([]string{"digest"})["digest"]; len(known) != 1 || known[0].Name != "right" {
		t.Errorf("its own: %v", known)
	}
	if known := s.Of("evil").Recall([]string{"digest"})["digest"]; len(known) != 1 || known[0].Name != "wrong" {
		t.Errorf("the other's: %v", known)
	}
}

// However much a tenant has kept, others keep what they have as long as it is less; who is alone has all the room.
func TestALargeRenderTakesNoRoomOfOthers(t *testing.T) {
	s := remembered.New(100_000)
	object := []grouped.Kept{{Name: "a", JSON: make([]byte, 9_000)}}
	for i := range 100 {
		s.Of("large").Keep(fmt.Sprint(i), object)
	}
	if n := s.Len(); n < 8 {
		t.Errorf("%d groups are kept of who is alone", n)
	}
	for i := range 3 {
		s.Of("small").Keep(fmt.Sprint(i), object)
		s.Of("other").Keep(fmt.Sprint(i), object)
	}
	for i := range 100 {
		s.Of("large").Keep(fmt.Sprint("again", i), object)
	}
	for _, tenant := range []string{"small", "other"} {
		if known := s.Of(tenant).Recall([]string{"0", "1", "2"}); len(known) != 3 {
			t.Errorf("%d groups are left of %s", len(known), tenant)
		}
	}
	if n := s.Len(); n < 8 || n > 11 {
		t.Errorf("%d groups of 9 KB are kept in 100 KB", n)
	}
}
