package comment

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// limits are how many characters a host takes in a comment. Gitea and Forgejo have none of their own: they are given
// GitHub's, so that the page of the pull request can be read.
var limits = map[forge.Provider]int{forge.GitHub: 65_536, forge.GitLab: 1_000_000, forge.Gitea: 65_536,
	forge.BitbucketCloud: 32_768, forge.BitbucketDataCenter: 32_768}

// marker is the first line of the comment, which is not shown. The Bitbuckets show HTML as text, and hide the
// definition of a link that nobody uses.
func (c Comment) marker(p forge.Provider) string {
	sum := sha256.Sum256([]byte(c.Cluster + "\x00" + c.Sync))
	id := "daemongate plan " + hex.EncodeToString(sum[:16])
	if p == forge.BitbucketCloud || p == forge.BitbucketDataCenter {
		return "[//]: # (" + id + ")"
	}
	return "<!-- " + id + " -->"
}

// text is the whole comment, with as many of its blocks as the host takes, and the names of the others.
func (c Comment) text(p forge.Provider) (text string, left []string, err error) {
	limit := limits[p]
	head := c.marker(p) + "\n\n" + Harmless(c.Head)
	var blocks, names []string
	for _, b := range c.Blocks {
		blocks, names = append(blocks, Harmless(b.Text)), append(names, b.Name)
	}
	room := limit - length(head)
	all := 0
	for _, b := range blocks {
		all += length(b) + 2
	}
	if all <= room {
		return join(head, blocks), nil, nil
	}
	room -= length(remark(p, names)) + 2 // at its longest
	var kept []string
	for i, b := range blocks {
		if n := length(b) + 2; n <= room {
			kept, room = append(kept, b), room-n
			continue
		}
		left = append(left, names[i])
	}
	if room < 0 {
		return "", nil, fmt.Errorf("comment: %s takes %d characters, which is too few for its first lines", p, limit)
	}
	return join(head, append(kept, remark(p, left))), left, nil
}

// mostNames is how many blocks are named that were left out.
const mostNames = 10

// remark says what was left out.
func remark(p forge.Provider, left []string) string {
	shown := left
	var more string
	if n := len(left) - mostNames; n > 0 {
		shown, more = left[:mostNames], fmt.Sprintf(" and %d more", n)
	}
	var quoted []string
	for _, name := range shown {
		quoted = append(quoted, Code(short(name)))
	}
	return fmt.Sprintf("%s takes %d characters in a comment. Left out: %s%s. The job's output has all of it.", p,
		limits[p], strings.Join(quoted, ", "), more)
}

// maxName is how many characters of a block's name are shown.
const maxName = 200

func short(name string) string {
	if cut := []rune(name); len(cut) > maxName {
		return string(cut[:maxName-1]) + "…"
	}
	return name
}

func join(head string, blocks []string) string {
	return strings.Join(append([]string{head}, blocks...), "\n\n") + "\n"
}

// length counts as the strictest host does: a character beyond the basic plane is two.
func length(text string) int { return len(utf16.Encode([]rune(text))) }
