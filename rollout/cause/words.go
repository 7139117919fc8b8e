package cause

import (
	"regexp"
	"slices"
	"strings"
)

// What a registry or a runtime says is told by its own words. A name in it proves nothing: an image may be called
// tls-proxy:404, an agent cni-node.

var (
	quotedWord  = regexp.MustCompile(`"[^"]*"`)
	namesAPlace = regexp.MustCompile(`://|^[\w-]+(\.[\w-]+)+(:\d+)?[,:;.]?$|/.*[.:@/]|[\w-]+\.[\w.-]+(:\d+)?/`)
)

// withoutNames leaves out of a text what it quotes, and its words with one of the given names.
func withoutNames(text string, names ...string) string {
	words := strings.Fields(quotedWord.ReplaceAllString(text, "…"))
	return strings.Join(slices.DeleteFunc(words, func(word string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return name != "" && strings.Contains(word, name) })
	}), " ")
}

// withoutPlaces leaves out of a text its URLs, hosts, addresses and images too.
func withoutPlaces(text string, names ...string) string {
	words := strings.Fields(withoutNames(text, names...))
	return strings.Join(slices.DeleteFunc(words, namesAPlace.MatchString), " ")
}

// withoutQuoted leaves out of a text only those of its quotations in which one of the given names stands.
func withoutQuoted(text string, names ...string) string {
	return quotedWord.ReplaceAllStringFunc(text, func(quotation string) string {
		if slices.ContainsFunc(names, func(name string) bool {
			return name != "" &&
				strings.Contains(quotation, name)
		}) {
			return "…"
		}
		return quotation
	})
}
