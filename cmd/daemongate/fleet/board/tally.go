package board

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Few is how many Syncs are listed one by one although nothing is the matter with them.
const Few = 20

// The words for what is no state of a commit.
const (
	Relapsed = "Relapsed" // was Complete, and its agents end again
	Ailing   = "Ailing"   // is Complete, and something of it is not well any more
	Other    = "Other"    // says a state that this version does not know
	Nothing  = "-"        // nothing was told
)

// Word is a commit's fate in one word.
func (f Fate) Word() string {
	if f.Relapsed {
		return Relapsed
	}
	if f.Ailing {
		return Ailing
	}
	return cmp.Or(string(f.State), Nothing)
}

// Labels name the Syncs, by their cluster alone where that has one Sync.
func (b *Board) Labels() []string {
	count := map[string]int{}
	for _, s := range b.Syncs {
		count[s.Cluster]++
	}
	var labels []string
	for _, s := range b.Syncs {
		label := s.Cluster
		if count[label] > 1 {
			label += "/" + s.Name
		}
		labels = append(labels, label)
	}
	return labels
}

// Tally is how many Syncs are in each state with each commit.
type Tally struct {
	// Words are those of the states that there are, in the order in which a commit comes to them.
	Words []string
	// Rows have a number for each word, for each commit of the board.
	Rows [][]int
}

// Tally counts the Syncs by what became of each commit.
func (b *Board) Tally() Tally {
	all := []string{string(api.Complete), string(api.RollingOut), string(api.Held), string(api.Stuck),
		string(api.Failed), Relapsed, Ailing, string(api.Dropped), Other, Nothing}
	seen, counted := map[string]bool{}, make([]map[string]int, len(b.Commits))
	for i, c := range b.Commits {
		counted[i] = map[string]int{}
		for _, s := range b.Syncs {
			word := s.Commits[c.Hash].Word()
			switch {
			case word == string(api.Applying):
				word = string(api.RollingOut)
			case !slices.Contains(all, word):
				word = Other
			}
			counted[i][word]++
			seen[word] = true
		}
	}
	t := Tally{Words: slices.DeleteFunc(all, func(word string) bool { return !seen[word] })}
	for i := range b.Commits {
		var row []int
		for _, word := range t.Words {
			row = append(row, counted[i][word])
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// ByNeed are the Syncs in the order in which a person should look at them: what is in trouble, then what is behind the
// most.
func (b *Board) ByNeed() []*Sync {
	rank := func(s *Sync) int {
		if s.Trouble() {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(b.Syncs), func(a, b *Sync) int {
		return cmp.Or(rank(a)-rank(b), b.Behind-a.Behind)
	})
}

// Listed are the Syncs that are listed one by one, and how many others there are, with which nothing is the matter.
func (b *Board) Listed(all bool) (listed []*Sync, others int) {
	for _, s := range b.ByNeed() {
		if s.Well() && !all && len(b.Syncs) > Few {
			others++
			continue
		}
		listed = append(listed, s)
	}
	return listed, others
}

// Well is true of a Sync with which nothing is the matter: the newest commit has taken over.
func (s *Sync) Well() bool { return !s.Trouble() && s.Behind == 0 && s.State == api.Complete }

// Why says what keeps a Sync where it is; nothing of one that is not kept.
func (s *Sync) Why() string {
	switch {
	case s.Trouble():
		return s.Message
	case s.Name == "":
		return "has said nothing of the newest commits"
	case s.Behind > 0:
		return s.Waiting
	}
	return ""
}

// Distance is how many commits are newer than the Sync's, with a plus if they are more than were read.
func (s *Sync) Distance() string {
	if s.Beyond {
		return fmt.Sprint(s.Behind, "+")
	}
	return fmt.Sprint(s.Behind)
}

// Named is the namespace and the name of a Sync. Older versions wrote them into the context alone; not ok if neither
// says them.
func (s *Sync) Named() (namespace, name string, ok bool) {
	parts := strings.Split(s.Name, "/")
	if len(parts) == 4 && parts[0] == "daemongate" {
		parts = parts[2:]
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return "", "", false
	}
	return parts[0], parts[1], true
}
