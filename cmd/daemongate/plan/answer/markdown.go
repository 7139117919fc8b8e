package answer

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
)

// Markdown is the answer as a comment on a pull request: the heading with the outcome first, then a block for each
// object that would be refused, each DaemonSet, and what is not known, the worst first. Whoever has room for less
// leaves out blocks at the end. Nodes, and pods on them, are named only with names.
func (a *Answer) Markdown(names bool) []string {
	blocks := []string{a.heading()}
	for _, r := range a.Objects {
		blocks = append(blocks, fmt.Sprintf("### ❌ %s\n\nwill be refused by %s: %s\n", escape(r.Object), escape(r.By),
			escape(r.Why)))
	}
	for i := range a.DaemonSets {
		blocks = append(blocks, daemonSet(&a.DaemonSets[i], names))
	}
	for _, s := range a.Paced.sections(names) {
		blocks = append(blocks, fmt.Sprintf("### %s\n\n%s", escape(s.title), list(s.lines)))
	}
	if len(a.Notes) > 0 {
		var notes []string
		for _, n := range a.Notes {
			notes = append(notes, withoutAddresses(n))
		}
		blocks = append(blocks, "### Not known\n\n"+list(notes))
	}
	return blocks
}

// Where the API server is, and who asked it, is for those who have asked.
var (
	addresses = regexp.MustCompile(`https?://[^\s"]+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?`)
	lookups   = regexp.MustCompile(`\blookup \S+`)
	callers   = regexp.MustCompile(`\bUser "[^"]*"`)
)

func withoutAddresses(text string) string {
	text = lookups.ReplaceAllString(addresses.ReplaceAllString(text, "…"), "lookup …")
	return callers.ReplaceAllString(text, "the caller")
}

func (a *Answer) heading() string {
	text := fmt.Sprintf("## %s %s\n", sign(a.Outcome), escape(a.Headline))
	if a.Commit != "" {
		text += "\n" + escape(withoutFolder(a.Commit)) + "\n"
	}
	if a.Sync != "" {
		text += "\nSync " + escape(a.Sync) + "\n"
	}
	return text
}

// withoutFolder leaves out of "commit HASH of REPOSITORY: SUBJECT" a repository that is a folder: where somebody's
// machine keeps its files says nothing on a pull request, which is of that repository.
func withoutFolder(commit string) string {
	hash, rest, _ := strings.Cut(commit, " of ")
	_, subject, found := strings.Cut(rest, ": ")
	if !found || !filepath.IsAbs(rest) {
		return commit
	}
	return hash + ": " + subject
}

// sign is the outcome at a glance; the words beside it say the same.
func sign(o plan.Outcome) string {
	switch o {
	case plan.Fits:
		return "✅"
	case plan.Preempts, plan.Held, plan.NotKnown:
		return "⚠️"
	}
	return "❌"
}

func daemonSet(p *plan.Plan, names bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s\n\n%s\n", sign(p.Outcome), escape(p.Object()), escape(p.Headline))
	for _, s := range sectionsOf(p, names) {
		fmt.Fprintf(&b, "\n**%s**\n\n%s", escape(s.title), list(s.lines))
	}
	return b.String()
}

func list(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "- %s\n", escape(l))
	}
	return b.String()
}

// escape keeps a text from being read as Markdown or HTML, or from calling somebody.
func escape(text string) string {
	return escaper.Replace(words.Clip(strings.Join(strings.Fields(text), " "), 600))
}

var escaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;",
	">", "&gt;", "#", `\#`, "|", `\|`, "@", "@\u200b", "~", `\~`, "&", "&amp;")
