package words_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/rollout/words"
)

// Names of nodes fold into ranges over their last number, in the way that people count them.
func TestNamesFoldIntoRanges(t *testing.T) {
	count := func(format string, from, to int) (names []string) {
		for i := from; i <= to; i++ {
			names = append(names, fmt.Sprintf(format, i))
		}
		return names
	}
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"node"}, "node"},
		{[]string{"node-7"}, "node-7"},
		{count("node-%03d", 1, 118), "node-[001-118]"},
		{count("node-%d", 8, 12), "node-[8-12]"},
		{[]string{"node-3", "node-1", "node-2", "node-5"}, "node-[1-3,5]"},
		{[]string{"b-1", "a-1", "b-2"}, "a-1, b-[1-2]"},
		{count("ip-10-0-1-%d.ec2.internal", 20, 23), "ip-10-0-1-[20-23].ec2.internal"},
		{[]string{"n1", "n01"}, "n01, n1"},
		{append(count("n%02d", 8, 11), "n100"), "n[08-11], n100"},
		{[]string{"gpu", "gpu-0", "cpu"}, "cpu, gpu, gpu-0"},
		{[]string{"a", "a"}, "a"},
		{[]string{"x-99999999999999999999", "x-99999999999999999998"},
			"x-99999999999999999998, x-99999999999999999999"},
	} {
		if got := words.FoldNames(c.names); got != c.want {
			t.Errorf("%v: %s, want %s", c.names, got, c.want)
		}
	}
}

// Folding loses no name and invents none.
func TestFoldedNamesCanBeUnfolded(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var names []string
		for range random.IntN(30) {
			names = append(names, fmt.Sprintf([]string{"a-%d", "a-%02d", "a-%03d", "b%d.x", "b1-%d"}[random.IntN(5)],
				random.IntN(120)))
		}
		want := slices.Compact(slices.Sorted(slices.Values(names)))
		got := slices.Sorted(slices.Values(unfold(t, words.FoldNames(names))))
		if !slices.Equal(got, want) {
			t.Fatalf("%v folds to %s", want, words.FoldNames(names))
		}
	}
}

var brackets = regexp.MustCompile(`^(.*)\[(.*)\](.*)$`)

func unfold(t *testing.T, text string) (names []string) {
	t.Helper()
	if text == "" {
		return nil
	}
	for _, piece := range strings.Split(text, ", ") {
		m := brackets.FindStringSubmatch(piece)
		if m == nil {
			names = append(names, piece)
			continue
		}
		for _, r := range strings.Split(m[2], ",") {
			first, last, isRange := strings.Cut(r, "-")
			if !isRange {
				last = first
			}
			from, err := strconv.Atoi(first)
			if err != nil {
				t.Fatal(err)
			}
			to, err := strconv.Atoi(last)
			if err != nil {
				t.Fatal(err)
			}
			width := 0
			if first[0] == '0' || len(first) == len(last) {
				width = len(first)
			}
			for n := from; n <= to; n++ {
				names = append(names, fmt.Sprintf("%s%0*d%s", m[1], width, n, m[3]))
			}
		}
	}
	return names
}
