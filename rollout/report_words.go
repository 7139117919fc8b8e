package rollout

import (
	"fmt"
	"strings"
	"time"
)

// meanings are the causes in words that go before "on 3 nodes".
var meanings = map[Code]string{
	InvalidImage:    "the image's name or pull policy makes it impossible to run",
	ImagePull:       "the image cannot be pulled",
	CrashLoop:       "a container keeps ending",
	ProbeFailing:    "a probe does not pass",
	HookFailing:     "a lifecycle hook fails",
	ConfigError:     "a container cannot be made from its configuration",
	VolumeMount:     "a volume cannot be mounted",
	Sandbox:         "the pod's sandbox cannot be made",
	Unschedulable:   "the pod does not fit",
	Forbidden:       "pods may not be created",
	Rejected:        "the kubelet turns the pod away",
	Terminating:     "an old pod does not go away",
	NodeLost:        "the node was lost after its pod was updated",
	BudgetSpent:     "maxUnavailable is spent by other trouble",
	ClockSkew:       "the node's clock is off, so Ready pods do not become available",
	NotObserved:     "the controller has not taken notice",
	NotScheduled:    "the scheduler does not take the pod up",
	Overwritten:     "somebody else has changed what the commit asked for",
	Deleted:         "the object is gone",
	ApplyFailed:     "the API server does not take the objects",
	NoEligibleNodes: "no node is eligible any more",
	NoProgress:      "nothing has moved for too long, and nothing explains it",
	Starting:        "pods are starting",

	JobFailed:                "the Job has failed",
	ProgressDeadlineExceeded: "the Deployment has given up",
	NotEstablished:           "the API server does not serve the new kind",
	NotReady:                 "the object is not ready",
}

// Meaning is the cause in a few words.
func (c Code) Meaning() string {
	if m, ok := meanings[c]; ok {
		return m
	}
	return string(c)
}

// Help is where the cause is described, with what to do about it.
func (c Code) Help() string { return helpURL + "#" + strings.ToLower(string(c)) }

// sentence is the verdict as one would say it.
func (r *DaemonSetReport) sentence() string {
	switch {
	case r.Verdict == Stuck:
		return "Stuck: " + r.trouble() + "." + r.standing()
	case r.Verdict == Progressing && len(r.Causes) > 0 && r.Causes[0].Code != Starting:
		return "Progressing, for now: " + r.trouble() + ", which may pass." + r.standing()
	case r.Verdict == Progressing && !r.Proving.IsZero():
		return fmt.Sprintf("Progressing. %s settled, proving for %d s more.", plural(r.Settled, "node"), wholeSeconds(r.Proving.Sub(r.now)))
	case r.Verdict == Progressing:
		return "Progressing." + r.standing()
	case r.onDelete && len(r.Old) > 0:
		return fmt.Sprintf("Complete, as far as OnDelete goes: the old pod is still on %s, until somebody deletes it.",
			plural(len(r.Old), "node"))
	case r.Desired == 0:
		return "Complete: there is no node to run on."
	}
	return fmt.Sprintf("Complete: %s settled pod of this commit.", oneOrAll(r.Desired))
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
	return c.Code.Meaning() + " on " + plural(len(c.Nodes), "node")
}

// standing is how far the rollout has come, as a sentence to go after another.
func (r *DaemonSetReport) standing() string {
	if r.Desired == 0 {
		return ""
	}
	text := fmt.Sprintf(" %d of %s settled", r.Settled, plural(r.Desired, "node"))
	if young := r.Updated - r.Settled; young > 0 {
		text += fmt.Sprintf(", %d with a new pod that has not", young)
	}
	if left := r.Desired - r.Updated; left > 0 {
		text += fmt.Sprintf(", %d not reached yet", left)
	}
	return text + "."
}

// wholeSeconds are the seconds of a time that is still to come, begun ones included.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func oneOrAll(n int) string {
	if n == 1 {
		return "the one node runs a"
	}
	return fmt.Sprintf("all %d nodes run a", n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
