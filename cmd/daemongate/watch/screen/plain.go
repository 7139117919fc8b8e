package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/pacing"
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
	p.stage(v, say)
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
		if p.news("commit "+c.Commit, c.Words()) && (!first || !c.State.Settled()) {
			say(fmt.Sprintf("commit %s, %s: %s", api.Short(c.Commit), named(c), c.Words()))
		}
	}
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
		text := c.Title()
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

// stage tells which stage a paced rollout has entered, and what that waits for; how many of its nodes have settled is
// told with it.
func (p *Plain) stage(v *view.View, say func(string)) {
	st := v.Stage
	if st == nil {
		p.told["stage"] = ""
		return
	}
	if p.news("stage", fmt.Sprint(st.Index, st.Name, st.WaitsFor, withoutDigits(st.Message))) {
		say(pacing.Said(st, v.Now))
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
	if e := v.Estimate.Words(); e != "" {
		text += " (" + e + ")"
	}
	say(text)
}

func stamp(t time.Time) string { return t.UTC().Format("15:04:05Z") + "  " }
