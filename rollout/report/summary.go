package report

import (
	"fmt"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// maxSummary is how long a summary may be, in characters: with the commit's state before it, it fits into the 140 that
// Git hosts show.
const maxSummary = 110

// Summarize is what a Git host may be told of rollouts (docs/design.md, law 11): the cause, how many nodes, and the
// image or object of the commit that it is about. No node's name, no container's message, no clock, and no count that
// moves while nothing else does, so that a summary changes only when there is news.
func Summarize(judgements []rollout.Judgement) string {
	var stuck, moving []rollout.Judgement
	for _, j := range judgements {
		switch j.Verdict {
		case rollout.Stuck:
			stuck = append(stuck, j)
		case rollout.Progressing:
			moving = append(moving, j)
		}
	}
	switch {
	case len(stuck) > 0:
		return squeeze(others(stuckWords(stuck[0]), stuck[1:]))
	case len(moving) > 0:
		return squeeze(movingWords(moving))
	}
	return completeWords(judgements)
}

func stuckWords(j rollout.Judgement) string {
	if len(j.Causes) == 0 {
		return string(rollout.NoProgress)
	}
	c := j.Causes[0]
	text := string(c.Code)
	if len(c.Nodes) > 0 {
		text += fmt.Sprintf(" on %d of %s", len(c.Nodes), words.Plural(max(j.Eligible, len(c.Nodes)), "node"))
	}
	if c.About != "" {
		text += ": " + c.About
	}
	if j.Braked {
		text += "; brake pulled"
	}
	return text
}

// movingWords tell progress in quarters, and the present reason without how many show it.
func movingWords(moving []rollout.Judgement) string {
	desired, settled, proving := 0, 0, 0
	for _, j := range moving {
		desired += j.Desired
		settled += j.Settled
		if !j.Proving.IsZero() {
			proving++
		}
	}
	objects := otherKinds(moving)
	if len(objects) == len(moving) {
		return waitingWords(objects)
	}
	text := words.Plural(desired, "node")
	if proving == len(moving)-len(objects) {
		text = words.Plural(settled, "node") + " settled, proving"
	} else if quarter := quarters(settled, desired); quarter != "" {
		text += ", " + quarter
	}
	if reason := presentReason(moving); reason != "" {
		text += "; at present " + reason
	}
	if len(objects) > 0 {
		text += "; " + waitingWords(objects)
	}
	return text
}

// presentReason is what the first DaemonSet shows that shows a cause; "" if none does.
func presentReason(moving []rollout.Judgement) string {
	for _, j := range moving {
		if j.Object != "" || len(j.Causes) == 0 || j.Causes[0].Code == rollout.Starting {
			continue
		}
		c := j.Causes[0]
		if c.About != "" {
			return fmt.Sprintf("%s (%s)", c.Code, c.About)
		}
		return string(c.Code)
	}
	return ""
}

// quarters is how much of a rollout is done.
func quarters(settled, desired int) string {
	if desired == 0 {
		return ""
	}
	return []string{"", "a quarter done", "half done", "three quarters done", ""}[min(4, max(0, settled)*4/desired)]
}

func completeWords(judgements []rollout.Judgement) string {
	desired, absent := 0, 0
	for _, j := range judgements {
		desired += j.Desired
		absent += len(j.Absent)
	}
	objects := len(otherKinds(judgements))
	switch {
	case len(judgements) == 0:
		return ""
	case objects == len(judgements):
		return words.Plural(objects, "object") + " ready"
	case desired == 0:
		return "no eligible nodes"
	case absent > 0:
		return fmt.Sprintf("%s, without %d absent", words.Plural(desired, "node"), absent)
	}
	return words.Plural(desired, "node")
}

// others says how many more are stuck.
func others(text string, more []rollout.Judgement) string {
	switch objects := otherKinds(more); {
	case len(more) == 0:
		return text
	case len(objects) == 0:
		return text + fmt.Sprintf(" (and %s)", words.Plural(len(more), "other DaemonSet"))
	}
	return text + fmt.Sprintf(" (and %s)", words.Plural(len(more), "other object"))
}

// otherKinds are the judgements of what is no DaemonSet.
func otherKinds(judgements []rollout.Judgement) []rollout.Judgement {
	var list []rollout.Judgement
	for _, j := range judgements {
		if j.Object != "" {
			list = append(list, j)
		}
	}
	return list
}

// waitingWords name what is no DaemonSet and not ready: one of it, and how many more.
func waitingWords(objects []rollout.Judgement) string {
	text := "waits for " + objects[0].Object
	if more := len(objects) - 1; more > 0 {
		text += fmt.Sprintf(" and %s", words.Plural(more, "other object"))
	}
	return text
}

// squeeze takes out of the middle what is too long: a cause stands at the beginning, an image's tag at the end.
func squeeze(text string) string {
	runes := []rune(text)
	if len(runes) <= maxSummary {
		return string(runes)
	}
	const head = 40
	return string(runes[:head]) + "…" + string(runes[len(runes)-(maxSummary-head-1):])
}
