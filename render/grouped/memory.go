package grouped

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Memory keeps what groups rendered to.
type Memory interface {
	// Recall returns what is known of groups, by their digests.
	Recall(digests []string) map[string][]Kept
	// Keep keeps what the objects of a group were rendered to.
	Keep(digest string, objects []Kept)
}

// Kept is an object of a group as it was rendered.
type Kept struct {
	Name string
	JSON json.RawMessage
}

// nothing is a memory that keeps nothing.
type nothing struct{}

func (nothing) Recall([]string) map[string][]Kept { return nil }
func (nothing) Keep(string, []Kept)               {}

// digest is of all that what a group is rendered to depends on: every file that kustomize gets to see, and whose
// objects are taken.
func (p *planned) digest(g group, files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n%s\n", name, len(files[name]), files[name])
	}
	for _, o := range p.objects {
		if g.items[o.item] {
			fmt.Fprint(h, g.owned[o.item], " ")
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// isOf says whether what is kept could be of these objects.
func isOf(kept []Kept, owned []*object) bool {
	return slices.EqualFunc(kept, owned, func(k Kept, o *object) bool { return o.mayBeCalled(k.Name) })
}
