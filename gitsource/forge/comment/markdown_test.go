package comment_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge/comment"
)

// harmful is what a host acts on: a mention, an issue's number, an address, a tag, a command.
var harmful = regexp.MustCompile(`@\w|[#!]\d|://|www\.|<[a-ce-z/!]|GH-\d|&[a-z#]|(?m)^\s*/[a-z]`)

// Names and messages mention nobody, close nothing, give no command and hide nothing, wherever in Markdown they stand.
func TestMarkdownIsHarmless(t *testing.T) {
	for _, text := range []string{
		"ping @ada and (@platform/team)", "closes #12, fixes platform/fleet#13, see !14 and GH-15",
		"fixes https://git.test/platform/fleet/issues/5", "www.evil.test", "<!-- hides the rest", "<img src=x></p>",
		"/close", "  /merge", "| `a | @ada` |", "`open and @ada", "\\`@ada`", "   ```\n```\n```\n@ada", "~~~\n```\n~~~\n```\n@ada",
		"x <u>\n```\n\n```\n@ada", "```\n   ```\n@ada", "\u202e@ada <!doctype", "![x](http://evil.test/a.png)",
		"<pre>\n```\n```\n@ada", "<details>\n```\n@ada\n```\n", "&#64;ada &commat;ada", "x ` y\n`@ada`", "- ```\n@ada",
		"```\ncode\n```\n@ada", "````\n```\n````\n@ada", "```a`b\n@ada", "> ```\n@ada", "a | ` b\n`@ada`",
	} {
		if got := comment.Harmless(text); harmful.MatchString(got) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// What is surely code, and what folds a part, stays to the letter, so that it can be copied.
func TestCodeStaysAsItIs(t *testing.T) {
	for _, text := range []string{
		"image `registry.test/agent@sha256:abc` on 3 nodes", "```\nkubectl get pods # 12 @ada\n```",
		"<details><summary>12 nodes</summary>\n\n```yaml\nuser: @ada\n```\n\n</details>", "a `` b`@ada `` c",
		"| a | `b@c` |\n|---|---|\n| 1 &lt; 2 | a<br>b |",
	} {
		if got := comment.Harmless(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// No text ends the code that it stands in, or the cell of a table.
func TestNothingBreaksOutOfCode(t *testing.T) {
	for _, text := range []string{"a", "`", "``", "a`b", "```\n@ada", "a|b", "", "`a`", "````````", "x\n```\ny", "a\r```\rb"} {
		code := comment.Code(text)
		inner := strings.Trim(code, "`")
		ticks := (len(code) - len(inner)) / 2
		if strings.ContainsAny(code, "\n\r|") || strings.Contains(inner, strings.Repeat("`", ticks)) && inner != "" {
			t.Errorf("%q is the code %q", text, code)
		}
	}
}

// A block of code that was left open does not swallow what comes after it.
func TestAnOpenBlockOfCodeIsClosed(t *testing.T) {
	if got := comment.Harmless("````\ncode"); got != "````\ncode\n````" {
		t.Errorf("%q", got)
	}
}
