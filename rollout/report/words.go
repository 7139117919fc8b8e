package report

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// Sentence is the verdict as one would say it.
func (r *DaemonSetReport) Sentence() string {
	switch {
	case r.Verdict == rollout.Stuck:
		return "Stuck: " + r.trouble() + "." + r.progress()
	case r.Verdict == rollout.Progressing && len(r.Causes) > 0 && r.Causes[0].Code != rollout.Starting:
		return "Progressing, for now: " + r.trouble() + ", which may pass." + r.progress()
	case r.Verdict == rollout.Progressing && !r.Proving.IsZero():
		return fmt.Sprintf("Progressing. %s settled, proving for %d s more.", words.Plural(r.Settled, "node"),
			wholeSeconds(r.Proving.Sub(r.now)))
	case r.Verdict == rollout.Progressing:
		return "Progressing." + r.progress()
	case r.target.OnDelete && len(r.Old) > 0:
		return fmt.Sprintf("Complete, as far as OnDelete goes: the old pod is still on %s, until somebody deletes it.",
			words.Plural(len(r.Old), "node"))
	case r.Desired == 0:
		return "Complete: there is no node to run on."
	}
	of := "this commit"
	if r.target.AppliedAt.IsZero() { // nobody knows of a commit
		of = "the newest template"
	}
	return fmt.Sprintf("Complete: %s settled pod of %s.", oneOrAll(r.Desired), of)
}

// trouble is the leading cause and where it is.
func (r *DaemonSetReport) trouble() string {
	if len(r.Causes) == 0 {
		return "nothing explains why"
	}
	c := r.Causes[0]
	if len(c.Nodes) == 0 {
		return c.Code.Meaning()
	}
	return c.Code.Meaning() + " on " + words.Plural(len(c.Nodes), "node")
}

// progress is how far the rollout has come, as a sentence to go after another.
func (r *DaemonSetReport) progress() string {
	if r.Desired == 0 {
		return ""
	}
	text := fmt.Sprintf(" %d of %s settled", r.Settled, words.Plural(r.Desired, "node"))
	if young := r.Updated - r.Settled; young > 0 {
		text += fmt.Sprintf(", %d with a new pod that has not", young)
	}
	if left := r.Desired - r.Updated; left > 0 {
		text += fmt.Sprintf(", %d not reached yet", left)
	}
	return text + "."
}

// wholeSeconds are the seconds of a time that is still to come, begun ones included.
func wholeSeconds(d time.Duration) int64 { return int64((max(d, 0) + time.Second - 1) / time.Second) }

func oneOrAll(n int) string {
	if n == 1 {
		return "the one node runs a"
	}
	return fmt.Sprintf("all %d nodes run a", n)
}
