package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// progressPause is how long nothing is said of progress alone: a line for each of 5,000 nodes is none that is read.
const progressPause = 10 * time.Second

// Plain tells what happens to a Sync in lines for logs and for screen readers: one for each change.
type Plain struct {
	told     map[string]string // by what they are about
	progress time.Time         // when progress was told last
	lost     bool
}

// Lost tells that the API server cannot be reached, once.
func (p *Plain) Lost(since time.Time, why error) []string {
	if p.lost {
		return nil
	}
	p.lost = true
	return []string{stamp(since) + "the API server does not answer, what was seen last stands: " + line(why.Error())}
}

// Lines tell what has changed since the last view.
func (p *Plain) Lines(v *view.View) []string {
	var lines []string
	say := func(text string) { lines = append(lines, stamp(v.Now)+line(text)) }
	first := p.told == nil
	if first {
		p.told = map[string]string{}
	}
	if p.lost {
		p.lost = false
		say("the API server answers again")
	}
	p.commits(v, first, say)
	p.causes(v, say)
	p.nodes(v, say)
	p.others("wait", v.Waits, say)
	p.others("note", v.Notes, say)
	if len(v.Missing) > 0 {
		p.others("missing", []string{"must not be read, so less is known: " + strings.Join(v.Missing, ", ")}, say)
	}
	p.verdict(v, len(lines) > 0, say)
	return lines
}

// news reports whether something is to be told, and remembers it.
func (p *Plain) news(about, text string) bool {
	if p.told[about] == text {
		return false
	}
	p.told[about] = text
	return true
}

// commits tell which state each has come to; at first only of those that have not settled.
func (p *Plain) commits(v *view.View, first bool, say func(string)) {
	for i := len(v.Commits) - 1; i >= 0; i-- {
		c := &v.Commits[i]
		if p.news("commit "+c.Commit, commitState(c)) && (!first || !c.State.Settled()) {
			say(fmt.Sprintf("commit %s %q: %s", api.Short(c.Commit), line(c.Subject), commitState(c)))
		}
	}
}

func commitState(c *view.Commit) string {
	text := string(c.State)
	if c.By != "" {
		text += fmt.Sprintf(" by %s (%s)", api.Short(c.By), c.Outcome)
	}
	if c.Relapsed {
		text += ", relapsed"
	}
	if c.InPlaceOf != "" {
		text += ", in the place of " + api.Short(c.InPlaceOf)
	}
	return text
}

// causes are told when they come, spread to further nodes, become final, and go.
func (p *Plain) causes(v *view.View, say func(string)) {
	now := map[string]bool{}
	for i := range v.Causes {
		c := &v.Causes[i]
		about := "cause " + string(c.Code) + " of " + c.Object + " " + c.Container
		now[about] = true
		if passing(v, c) || !p.news(about, fmt.Sprint(c.NodeCount, c.Final)) {
			continue
		}
		text := causeTitle(c)
		if c.Message != "" {
			text += ": " + strings.TrimSuffix(c.Message, ".")
		}
		if c.Remedy != "" {
			text += ". Do: " + c.Remedy
		}
		say(text)
	}
	for about, text := range p.told {
		if strings.HasPrefix(about, "cause ") && !now[about] && text != "" {
			p.told[about] = ""
			say("no longer: " + strings.TrimSpace(strings.TrimPrefix(about, "cause ")))
		}
	}
}

// passing reports whether a cause is no news yet: that pods start, and what is gone before anybody has read of it.
func passing(v *view.View, c *view.Cause) bool {
	return !c.Final && (c.Code == rollout.Starting || v.Now.Sub(c.Since) < 3*time.Second)
}

// causeTitle is what a cause is, where, and whether it is only the present reason.
func causeTitle(c *view.Cause) string {
	text := string(c.Code)
	if c.NodeCount > 0 {
		text += " on " + nodeNames(c.Nodes, c.NodeCount)
	}
	if c.Object != "" {
		text += " of " + c.Object
	}
	if !c.Final {
		text += ", which may pass"
	}
	return text
}

// nodeNames folds the names that are known of so many nodes.
func nodeNames(names []string, count int) string {
	text := words.FoldSome(names)
	if more := count - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// nodes are told by name when they are lost: the causes name the failing ones.
func (p *Plain) nodes(v *view.View, say func(string)) {
	var lost []string
	for i := range v.Nodes {
		if v.Nodes[i].State == rollout.IsLost {
			lost = append(lost, v.Nodes[i].Name)
		}
	}
	text := words.FoldSome(lost)
	if p.news("lost", text) && text != "" {
		say("lost: " + text)
	}
}

// others are sentences that are told when they say something else than a moment ago; a time that goes on is nothing
// else.
func (p *Plain) others(kind string, texts []string, say func(string)) {
	now := map[string]bool{}
	for _, text := range texts {
		about := kind + " " + withoutDigits(text)
		now[about] = true
		if p.news(about, "told") {
			say(text)
		}
	}
	for about := range p.told {
		if strings.HasPrefix(about, kind+" ") && !now[about] {
			delete(p.told, about)
		}
	}
}

func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

// verdict is told with every other change, and of progress alone now and then.
func (p *Plain) verdict(v *view.View, anyway bool, say func(string)) {
	text := line(v.Verdict)
	if v.Commit != "" {
		text = v.Commit + ": " + text
	}
	shape := string(v.State) + " " + withoutDigits(text)
	changed := p.told["shape"] != shape
	if !anyway && !changed && v.Now.Before(p.progress.Add(progressPause)) {
		return
	}
	if !p.news("verdict", text) {
		return
	}
	p.told["shape"], p.progress = shape, v.Now
	if e := estimateWords(v); e != "" {
		text += " (" + e + ")"
	}
	say(text)
}

// estimateWords say how fast nodes settle and how long it will take, and that nobody knows that.
func estimateWords(v *view.View) string {
	e := v.Estimate
	if e == nil {
		return ""
	}
	left := roughly(time.Duration(e.Left * float64(time.Second)))
	switch e.From {
	case view.FromProof:
		return left + " until they have proved themselves"
	case view.FromCommit:
		return fmt.Sprintf("estimate: %s left, from %s, the last complete commit", left, api.Short(e.Commit))
	}
	return fmt.Sprintf("%s/min, estimate: %s left, from %s", rate(e.PerMinute), left, e.From)
}

func rate(perMinute float64) string {
	if perMinute < 10 {
		return fmt.Sprintf("%.1f", perMinute)
	}
	return fmt.Sprintf("%.0f", perMinute)
}

// roughly is a duration as an estimate is told.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(1, int(d/time.Second)))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
}

func stamp(t time.Time) string { return t.UTC().Format("15:04:05Z") + "  " }
