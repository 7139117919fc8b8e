package words

import (
	"fmt"
	"strings"
)

// Clip cuts a text that somebody else wrote.
func Clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Listed are names for a sentence: the first few, and how many more.
func Listed(names []string) string {
	return ListedBy(len(names), func(i int) string { return names[i] })
}

// ListedBy is Listed of so many names, of which a function is asked for those that are written.
func ListedBy(n int, name func(i int) string) string {
	const most = 5
	names := make([]string, min(n, most))
	for i := range names {
		names[i] = name(i)
	}
	text := strings.Join(names, ", ")
	if n > most {
		text += fmt.Sprintf(" and %d more", n-most)
	}
	return text
}

// Plural counts things: "1 node", "3 nodes".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// maxFolded is how many folded names are written of a list; how many more there are is said.
const maxFolded = 12

// FoldSome folds names and leaves out what is too much to read.
func FoldSome(names []string) string {
	pieces := fold(names)
	var texts []string
	written := 0
	for _, f := range pieces[:min(len(pieces), maxFolded)] {
		texts = append(texts, f.text)
		written += f.count
	}
	if len(pieces) > maxFolded {
		return fmt.Sprintf("%s and %d more", strings.Join(texts, ", "), len(names)-written)
	}
	return strings.Join(texts, ", ")
}
