// Package plan says whether a DaemonSet of a commit would fit every node, before anything of it is written.
package plan

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/storage"
)

// Input is one look at a cluster, and what a commit asks for there.
type Input struct {
	// Now is the time of the look.
	Now time.Time
	// Current is the DaemonSet that is there; nil if there is none.
	Current *appsv1.DaemonSet
	// Next is the DaemonSet of the commit, best with the API server's defaults.
	Next *appsv1.DaemonSet
	// Pod is one of Next as admission makes it; nil: the template's is weighed.
	Pod *corev1.Pod
	// Refused is by whom and why such a pod is refused, if it is.
	Refused []Refusal
	// Nodes are all of the cluster, and Pods those of Current.
	Nodes []*corev1.Node
	Pods  []*corev1.Pod
	// Revisions are Current's, to tell how its last rollout went.
	Revisions []*appsv1.ControllerRevision
	// Others is what else stands on the nodes.
	Others rollout.Others
	// Classes are the cluster's and the commit's PriorityClasses.
	Classes []*schedulingv1.PriorityClass
	// Quotas are the ResourceQuotas of the DaemonSet's namespace.
	Quotas []*corev1.ResourceQuota
	// Found is what is known of the objects that a template needs (References), by the commit or in the cluster. One of
	// which nothing is known is not missed.
	Found map[Reference]Found
	// Changes are the ConfigMaps and Secrets that the commit changes in place.
	Changes []Reference
	// Storage is what is known of the cluster's volumes; nil if nothing was read of them.
	Storage *storage.Look
	// Growing names what else of the commit will ask for more room, and by how much.
	Growing []string
	// Unread are the kinds that could not be read, and why.
	Unread []rollout.Unknown
	// Options are those of the Sync.
	Options rollout.Options
}

// lacks reports whether a kind could not be read.
func (in *Input) lacks(kind string) bool {
	for _, u := range in.Unread {
		if u.Kind == kind {
			return true
		}
	}
	return false
}

// Outcome is what a plan comes to.
type Outcome string

// The outcomes, the worst first.
const (
	Refused     Outcome = "Refused"     // nothing of it would be applied, or no pod of it would be made
	WillNotFit  Outcome = "WillNotFit"  // some node has no room, and nothing would make any
	CannotStart Outcome = "CannotStart" // its pods need what is not there
	NotKnown    Outcome = "NotKnown"    // what stands on the nodes could not be read: nothing else is certain either
	Held        Outcome = "Held"        // it would wait
	Preempts    Outcome = "Preempts"    // it fits where others go
	Fits        Outcome = "Fits"
)

// Fine reports whether nothing speaks against the commit, as far as is known.
func (o Outcome) Fine() bool {
	switch o {
	case Refused, WillNotFit, CannotStart:
		return false
	}
	return true
}

// Plan is what a commit would do to one DaemonSet.
type Plan struct {
	Namespace string  `json:"namespace"`
	Name      string  `json:"name"`
	Outcome   Outcome `json:"outcome"`
	// Headline is the outcome in a sentence, without the names of nodes.
	Headline string `json:"headline"`
	// New says that there is no such DaemonSet yet, Rolls that its pods are replaced.
	New   bool `json:"new,omitempty"`
	Rolls bool `json:"rolls"`
	// Paced says that they are replaced stage by stage.
	Paced bool `json:"paced,omitempty"`
	// Admitted says that the pod was weighed as admission makes it, and not as the template has it.
	Admitted bool `json:"admitted"`
	// Asks is what the pod asks for, such as "cpu 200m, memory 256Mi".
	Asks string `json:"asks,omitempty"`
	// Nodes are those that the commit wants a pod on, by name.
	Nodes []Node `json:"nodes"`
	// Joins are the nodes that get the DaemonSet, and Leaves those that lose it.
	Joins  []string `json:"joins,omitempty"`
	Leaves []string `json:"leaves,omitempty"`
	// Pace is how its pods are replaced; nil if none is.
	Pace *Pace `json:"pace,omitempty"`
	// Refused is who refuses the commit or its pods, Hold why it would wait.
	Refused []Refusal `json:"refused,omitempty"`
	Hold    string    `json:"hold,omitempty"`
	// Missing is what the template needs and is not there.
	Missing []Missing `json:"missing,omitempty"`
	Risks   []Risk    `json:"risks,omitempty"`
	// NotWeighed is what may keep pods off nodes and was not weighed.
	NotWeighed []string `json:"notWeighed,omitempty"`
	// Unread are the kinds that could not be read.
	Unread []rollout.Unknown `json:"unread,omitempty"`
}

// Room is how a node takes the pod.
type Room string

// How a node takes the pod.
const (
	Keeps       Room = "Keeps"      // it has one, which the commit leaves alone
	HasRoom     Room = "Fits"       // beside what stands there
	ByPreempt   Room = "Preempts"   // once others are preempted for it
	NoRoom      Room = "DoesNotFit" // nothing makes room
	RoomUnknown Room = "NotKnown"   // what stands there could not be read; the whole node is large enough
)

// Node is one node that the commit wants a pod on.
type Node struct {
	Name string `json:"name"`
	Pool string `json:"pool,omitempty"`
	// Joins says that the DaemonSet was not meant for it before.
	Joins bool `json:"joins,omitempty"`
	Room  Room `json:"room"`
	// Beside says that the pod was weighed beside the old one.
	Beside bool `json:"beside,omitempty"`
	// Short is what the node lacks.
	Short []rollout.Shortfall `json:"short,omitempty"`
	// Preempts are the pods that would be preempted.
	Preempts []Victim `json:"preempts,omitempty"`
	// Equal are pods that hold what is lacking, and are not preempted because their priority is as high.
	Equal []Victim `json:"equal,omitempty"`
	// Obstacles are the volumes that keep the pod off, whatever else stands there.
	Obstacles []storage.Obstacle `json:"obstacles,omitempty"`
	// AfterOld says that the pod would fit if the old one went first.
	AfterOld bool `json:"afterOld,omitempty"`
	// NotWeighed is what may keep a pod off this node and was not weighed.
	NotWeighed []string `json:"notWeighed,omitempty"`
}

// Victim is a pod that stands on a node.
type Victim struct {
	Pod      string `json:"pod"`
	Priority int32  `json:"priority"`
}

// Pace is how pods are replaced.
type Pace struct {
	// Nodes have a pod that is replaced, AtATime of them at once, with the new one beside the old one if Surge.
	Nodes   int  `json:"nodes"`
	AtATime int  `json:"atATime"`
	Surge   bool `json:"surge,omitempty"`
	Waves   int  `json:"waves"`
	// Seconds are estimated, from those per wave of the last rollout; 0 if nothing is known of one.
	Seconds        float64 `json:"estimatedSeconds,omitempty"`
	SecondsPerWave float64 `json:"secondsPerWave,omitempty"`
}

// Refusal is who refuses something, and why.
type Refusal struct {
	// By is the API server, an admission plugin or webhook, or Daemongate.
	By     string `json:"by"`
	Why    string `json:"why"`
	Remedy string `json:"remedy,omitempty"`
}

// Risk is what may go wrong, and what to do.
type Risk struct {
	Code   string `json:"code"`
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}
