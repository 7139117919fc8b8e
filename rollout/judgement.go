package rollout

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/daemongate/daemongate/rollout/words"
)

// Judgement is what one look says about a rollout.
type Judgement struct {
	Verdict Verdict `json:"verdict"`
	// Object is the kind and name of what was judged, if it is no DaemonSet. Then nothing is said of nodes.
	Object string `json:"object,omitempty"`
	// Headline is the rollout in one line: kubectl's own words wherever they are true.
	Headline string `json:"headline"`
	// Desired is how many nodes shall run a settled pod: the eligible ones that are neither absent, late nor failing
	// before.
	Desired int `json:"desired"`
	// Updated is how many of them have a pod of the target's template, and Settled how many a settled one.
	Updated int `json:"updated"`
	Settled int `json:"settled"`
	// Eligible is how many nodes the DaemonSet is meant for, whatever their health.
	Eligible int `json:"eligible"`
	// Mark is the largest number of settled nodes so far.
	Mark int `json:"mark"`

	// Nodes by class, each sorted. Old are those that still run a pod of another template, and no updated one.
	Absent        []string `json:"absent,omitempty"`
	Lost          []string `json:"lost,omitempty"`
	Late          []string `json:"late,omitempty"`
	FailingBefore []string `json:"failingBefore,omitempty"`
	Old           []string `json:"old,omitempty"`
	// Nodes are all of them one by one, sorted by name, also those that are not eligible.
	Nodes NodeList `json:"nodes,omitzero"`

	// Proving is until when nothing but the proof is waited for: every node has settled, but the longest-running pods
	// have not run for long enough yet. Zero if that is not so.
	Proving time.Time `json:"proving,omitzero"`

	// Causes of the present trouble, the deepest first. The first is the present reason.
	Causes []Cause `json:"causes,omitempty"`
	// Notes are things worth knowing that are nobody's trouble.
	Notes []string `json:"notes,omitempty"`

	// Ended are the nodes with an updated pod of which a container has ended and that has not settled since, sorted.
	Ended []string `json:"ended,omitempty"`
	// OldAvailable is how many nodes still have an available pod of another template: what the brake could save.
	OldAvailable int `json:"oldAvailable,omitempty"`
	// OldPods is how many pods of other templates are left, anywhere, also those that are going.
	OldPods int `json:"oldPods,omitempty"`
	// Braked says that the brake is pulled: the annotation is on the DaemonSet.
	Braked bool `json:"braked,omitempty"`
	// Brake is what is to be done about the brake.
	Brake BrakeAdvice `json:"brake,omitempty"`
	// Handovers are what predecessors are to give up next.
	Handovers []Handover `json:"handovers,omitempty"`
	// ReadLeases is set with a Complete that was given without the nodes' Leases: before it is believed they are to be
	// read once, put into the look, and judged again (docs/design.md §5).
	ReadLeases bool `json:"readLeases,omitempty"`
	// ReadClocks are nodes whose Ready pods do not become available: how their clocks go is to be read, put into the
	// look, and judged again. It is asked for once a minute at most.
	ReadClocks []string `json:"readClocks,omitempty"`

	// Wake is the next instant at which the judgement can change by time alone. Zero if only events can change it.
	Wake time.Time `json:"wake,omitzero"`
}

// Cause is one reason why a rollout does not go on.
type Cause struct {
	Code Code `json:"code"`
	// Nodes that show it, sorted, and Pods, in the order of their nodes. Both may be empty if it is the DaemonSet
	// itself.
	Nodes []string `json:"nodes,omitempty"`
	Pods  []string `json:"pods,omitempty"`
	// Container of these pods that it is about, if it is about one.
	Container string `json:"container,omitempty"`
	// About is what of the commit it is about, such as an image or a container's exit code: only objects of the set and
	// figures, so that it may be shown where Message and Remedy may not (docs/design.md, law 11).
	About string `json:"about,omitempty"`
	// Message is the evidence, in one sentence that holds for all of the nodes; Remedy is what to do.
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	// Log are kubectl's arguments to read why a container ended, if one did and its log is still there.
	Log string `json:"log,omitempty"`
	// Shortfalls are what the nodes of an Unschedulable cause are short of, by node; of the first 20.
	Shortfalls []Shortfall `json:"shortfalls,omitempty"`
	// Relief is what would make room on these nodes, if the look knows their other pods; of the first 20.
	Relief []Relief `json:"relief,omitempty"`
	// Since is when the trouble began, as far as can be told.
	Since time.Time `json:"since"`
	// Final says that it has lasted long enough, on more nodes than may fail, to make the verdict Stuck.
	Final bool `json:"final"`
}

// Shortfall is what a node has too little of for the pod. Quantities as Kubernetes writes them; "" where unknown.
type Shortfall struct {
	Node        string `json:"node"`
	Resource    string `json:"resource"`
	Asked       string `json:"asked"`
	Allocatable string `json:"allocatable,omitempty"` // by the whole node
	Free        string `json:"free,omitempty"`        // known only when all pods of the node are
	ShortBy     string `json:"shortBy,omitempty"`     // at least, where Free is not known
	// HeldBy are the pods, as namespace/name, that hold a host port.
	HeldBy []string `json:"heldBy,omitempty"`
}

// NodeState is what a rollout has made of one node.
type NodeState string

// The states of a node.
const (
	IsNotEligible   NodeState = "NotEligible"   // the DaemonSet is not meant for it: see Why
	IsAbsent        NodeState = "Absent"        // not ready, not this rollout's doing
	IsLost          NodeState = "Lost"          // not ready, or rebooted, soon after its pod was updated
	IsLate          NodeState = "Late"          // joined after the commit was applied
	IsFailingBefore NodeState = "FailingBefore" // was sick already when the commit was applied
	IsMissing       NodeState = "Missing"       // has no pod
	IsOld           NodeState = "Old"           // runs a pod of another template
	IsUpdated       NodeState = "Updated"       // runs a pod of the target's template that has not settled yet
	IsFailing       NodeState = "Failing"       // its pod shows a cause
	IsSettled       NodeState = "Settled"       // runs a settled pod of the target's template
)

// Node is one node in a judgement.
type Node struct {
	Name  string    `json:"name"`
	State NodeState `json:"state"`
	// Pod that its state is about, the updated one if there is one.
	Pod string `json:"pod,omitempty"`
	// Cause it shows, if any.
	Cause Code `json:"cause,omitempty"`
	// Why it is not eligible, or not ready.
	Why string `json:"why,omitempty"`
}

// BrakeAdvice is what is to be done about the brake.
type BrakeAdvice string

// What is to be done about the brake.
const (
	BrakeLeave BrakeAdvice = ""     // leave it as it is
	BrakePull  BrakeAdvice = "Pull" // more nodes than may fail have an ended container, and old pods can still be saved
	BrakeLift  BrakeAdvice = "Lift" // every node it was pulled for has settled or is gone
)

// String is one line for a person.
func (f Shortfall) String() string {
	text := fmt.Sprintf("%s: asks for %s %s", f.Node, f.Resource, f.Asked)
	switch {
	case f.Resource == HostPort && len(f.HeldBy) > 0:
		return text + ", held by " + words.Listed(f.HeldBy)
	case f.Resource == HostPort:
		return text + ", which is taken"
	case f.Free != "":
		return fmt.Sprintf("%s, %s of %s is free, short by %s", text, rough(f.Free, math.Floor),
			rough(f.Allocatable, math.Floor), rough(f.ShortBy, math.Ceil))
	case f.ShortBy != "":
		return fmt.Sprintf("%s, the whole node has %s, short by at least %s", text, rough(f.Allocatable, math.Floor),
			rough(f.ShortBy, math.Ceil))
	case f.Allocatable != "":
		return fmt.Sprintf("%s, less than that is free of %s", text, rough(f.Allocatable, math.Floor))
	}
	return text + ", less than that is free"
}

// rough writes bytes that are no round number of anything so that they can be read: 31245612Ki is 29.7Gi.
func rough(text string, round func(float64) float64) string {
	q, err := resource.ParseQuantity(text)
	if err != nil || len(text) <= 6 {
		return text
	}
	for _, unit := range []struct {
		name string
		size float64
	}{{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}} {
		if n := float64(q.Value()) / unit.size; n >= 10 {
			return fmt.Sprintf("%g%s", round(n*10)/10, unit.name)
		}
	}
	return text
}

// HostPort is what a Shortfall calls a host port.
const HostPort = "host port"

// Public is what everybody may be told of a cause, with the nodes that show it, for they are counted: no words of
// a container, a kubelet or another program, and nothing to do, which names what is in the way.
func (c Cause) Public() Cause {
	message := c.Code.Meaning()
	if c.About != "" {
		message += ": " + c.About
	}
	return Cause{Code: c.Code, Nodes: c.Nodes, Container: c.Container, About: c.About, Message: message,
		Since: c.Since, Final: c.Final}
}
