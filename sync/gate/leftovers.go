package gate

import (
	"fmt"
	"slices"
	"strings"
)

// Leftovers are what another tool keeps on an object that was taken from it by force.
type Leftovers struct {
	Object, Manager string
	// Fields are some of the fields that it keeps, and Count is how many those are.
	Fields []string
	Count  int
	// Digest tells them apart from what was left over before.
	Digest string
}

// MaxToldLeftovers is how many leftovers are remembered as told.
const MaxToldLeftovers = 200

// leftOver has it told what other tools keep on the object that a write took from them: once, for as long as it is
// the same.
func (t *turn) leftOver(r Recorded) {
	for _, left := range r.Leftovers {
		if slices.Contains(t.s.Leftovers, left.Digest) {
			continue
		}
		left.Object = KeyOf(r.InventoryEntry).String()
		t.s.Leftovers = newest(append(t.s.Leftovers, left.Digest), MaxToldLeftovers)
		t.d.Leftovers = append(t.d.Leftovers, left)
	}
}

// MostToldOfLeftovers is how many objects are told of one by one.
const MostToldOfLeftovers = 10

// LeftoversWords say it to people.
func LeftoversWords(all []Leftovers) (words []string) {
	for _, left := range all[:min(len(all), MostToldOfLeftovers)] {
		more := ""
		if n := left.Count - len(left.Fields); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		words = append(words, fmt.Sprintf("%s: apply.force took fields of it from %s, whose others stay although Git "+
			"does not ask for them: %s%s: add to Git what is to stay, and remove the rest from the object", left.Object,
			left.Manager, strings.Join(left.Fields, ", "), more))
	}
	if n := len(all) - len(words); n > 0 {
		words = append(words, fmt.Sprintf("apply.force took fields of %d more objects from other tools, of which "+
			"others stay although Git does not ask for them: see their managedFields (kubectl get "+
			"--show-managed-fields -o yaml)", n))
	}
	return words
}
