package comment

import (
	"regexp"
	"strings"
	"unicode"
)

// nothing is a character that is not seen and has a host not recognise what it stands in.
const nothing = "\u200b"

// Code is a text as code in a line of Markdown: nothing in it is read as Markdown.
func Code(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if strings.Contains(text, "|") { // ends a cell of a table even in code
		text = strings.ReplaceAll(text, "|", "¦")
	}
	ticks := strings.Repeat("`", longest(text)+1)
	if text == "" || strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// longest is the longest run of backticks in a text.
func longest(text string) int {
	most, run := 0, 0
	for _, c := range text {
		if run++; c != '`' {
			run = 0
		}
		most = max(most, run)
	}
	return most
}

// Harmless is Markdown in which nobody is mentioned, no issue is named (which some hosts then close), no command is
// given to the host, and no HTML is but what folds a part. What stands in code stays as it can be copied, where every
// reader of Markdown is sure to see code.
func Harmless(markdown string) string {
	var h harmless
	for line := range strings.SplitSeq(strings.Map(visible, markdown), "\n") {
		h.read(line)
	}
	if h.fence != "" { // what follows is not code
		h.out = append(h.out, h.fence)
	}
	return strings.Join(h.out, "\n")
}

// visible drops what steers a terminal or turns the direction of a line around.
func visible(c rune) rune {
	if c != '\n' && c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) {
		return -1
	}
	return c
}

// harmless goes through Markdown line by line.
type harmless struct {
	out   []string
	fence string // the one that is open
	html  bool   // a part that began with a tag goes on until an empty line
	torn  bool   // so does a paragraph in which nobody knows where code begins
}

func (h *harmless) read(line string) {
	switch {
	case h.fence != "":
		if closes(line, h.fence) {
			h.fence = ""
		}
	case !h.html && opening.MatchString(line):
		h.fence, h.torn = opening.FindStringSubmatch(line)[1], false
	default:
		h.html = strings.TrimSpace(line) != "" && (h.html || htmlBlock.MatchString(line))
		h.torn = strings.TrimSpace(line) != "" && h.torn
		line = h.text(otherFence.ReplaceAllString(line, "${1}"+nothing+"${2}"))
	}
	h.out = append(h.out, command.ReplaceAllString(line, "${1}"+nothing+"${2}"))
}

// text treats a line outside of a block of code.
func (h *harmless) text(line string) string {
	var out strings.Builder
	for line != "" {
		before, code, after := line, "", ""
		if !h.torn {
			before, code, after = cutCode(line)
			h.torn = strings.Contains(before, "`")
		}
		out.WriteString(harmlessText(before))
		out.WriteString(code)
		line = after
	}
	return out.String()
}

var (
	// opening begins a block of code at a line's start, where no list or quotation that ends would end it as well.
	opening = regexp.MustCompile("^(`{3,})[^`]*$")
	// otherFence begins one in another way, which could be mistaken for its end, or begins HTML.
	otherFence = regexp.MustCompile("^( {0,3})(~{3,}|`{3,}[^`]*$|<br>)")
	// htmlBlock begins HTML that goes on until an empty line, with no code in it.
	htmlBlock = regexp.MustCompile(`^ {0,3}</?(?:details|summary)>`)
	// closing ends a block of code.
	closing = regexp.MustCompile("^ {0,3}(`{3,})[ \t]*$")
	// command is what GitLab does for who writes a line, even in some blocks of code.
	command = regexp.MustCompile(`^([\s>]*)(/[a-zA-Z])`)
	// spans are code in a line. One with a bar may be two cells of a table.
	spans = regexp.MustCompile("`+")

	folding   = regexp.MustCompile(`^</?(?:details|summary|br)>`)
	mention   = regexp.MustCompile(`@`)
	reference = regexp.MustCompile(`[#!]([0-9])|(?i:\b(GH-)([0-9]))`)
	tag       = regexp.MustCompile(`^<[a-zA-Z/!?]`)
	entity    = regexp.MustCompile(`^&(#|[a-zA-Z])`)
	plainOnes = regexp.MustCompile(`^&(?:lt|gt|amp|nbsp|quot);`)
	address   = regexp.MustCompile(`:(//)|(?i:(www)(\.))`)
)

// closes reports whether a line ends the block of code that a fence has opened.
func closes(line, fence string) bool {
	m := closing.FindStringSubmatch(line)
	return m != nil && len(m[1]) >= len(fence)
}

// cutCode finds the first code in a line.
func cutCode(line string) (before, code, after string) {
	ticks := spans.FindAllStringIndex(line, -1)
	for i, open := range ticks {
		if open[0] > 0 && line[open[0]-1] == '\\' {
			break // an escaped one: who knows where code begins now
		}
		for _, end := range ticks[i+1:] {
			if end[1]-end[0] != open[1]-open[0] {
				continue
			}
			if strings.Contains(line[open[0]:end[1]], "|") {
				return line, "", ""
			}
			return line[:open[0]], line[open[0]:end[1]], line[end[1]:]
		}
	}
	return line, "", ""
}

func harmlessText(text string) string {
	text = mention.ReplaceAllString(text, "@"+nothing)
	text = reference.ReplaceAllStringFunc(text, func(found string) string {
		return found[:len(found)-1] + nothing + found[len(found)-1:]
	})
	text = harmlessBefore(text, '&', entity, plainOnes)
	text = address.ReplaceAllStringFunc(text, func(found string) string {
		if found[0] == ':' {
			return ":" + nothing + "//"
		}
		return found[:3] + nothing + "."
	})
	return harmlessBefore(text, '<', tag, folding)
}

// harmlessBefore parts a character from what follows it, where that is the one and not the other.
func harmlessBefore(text string, c byte, is, but *regexp.Regexp) string {
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		if text[i] == c && is.MatchString(text[i:]) && !but.MatchString(text[i:]) {
			out.WriteString(nothing)
		}
	}
	return out.String()
}
