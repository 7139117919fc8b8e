package rollout

import (
	"strings"
)

// helpURL is the page with a heading for every cause.
const helpURL = "https://github.com/daemongate/daemongate/blob/main/docs/troubleshooting.md"

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

	StrategyKept:  "the update strategy cannot be given back",
	AlertsFiring:  "alerts fire since the commit has come to nodes",
	AlertsHold:    "alerts hold the rollout back, which may not be for the commit's sake",
	SoakRestarted: "the soak begins anew again and again",
	NodesAbsent:   "nodes are absent without which no stage ends",

	DisruptionBudget:  "a PodDisruptionBudget does not let old pods go",
	EvictionForbidden: "old pods may not be evicted, for want of rights",
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
