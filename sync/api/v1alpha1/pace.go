package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Pace is in which order, and how fast, the nodes of DaemonSets get a commit: Daemongate evicts the old pods, stage by
// stage. A DaemonSet that has the update strategy RollingUpdate in Git has OnDelete in the cluster meanwhile.
type Pace struct {
	// Stages in their order. A node belongs to the first stage that takes it; those that none takes are the last one.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:XValidation:rule="self.all(s, self.exists_one(o, o.name == s.name))",message="two stages have one name"
	// +listType=atomic
	Stages []PaceStage `json:"stages"`
	// MaxUnavailable is on how many nodes, as a number or a percentage of the eligible ones, a DaemonSet may have no
	// available pod at once. It is never more than the DaemonSet's own rollingUpdate.maxUnavailable, which is the
	// default; a DaemonSet that has none has 1.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 1000000 : type(self) == string && self.matches('^([1-9][0-9]?|100)%$')",message="must be a number of nodes such as 3, or a percentage such as 5%"
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// AllowGap lets DaemonSets be paced that ask for maxSurge: their old pod goes before the new one is made.
	// +optional
	AllowGap bool `json:"allowGap,omitempty"`
	// Gates are what must be so, besides, for a stage to go on.
	// +optional
	Gates *PaceGates `json:"gates,omitempty"`
	// Supersede lets a newer commit take over while the one in flight waits for its soak, an approval or a window.
	// +optional
	Supersede bool `json:"supersede,omitempty"`
}

// PaceGates are what must be so for a stage to go on.
type PaceGates struct {
	// Alerts must not fire.
	// +optional
	Alerts *AlertsGate `json:"alerts,omitempty"`
}

// AlertsAPI says whose API is asked about alerts.
//
// +kubebuilder:validation:Enum=Alertmanager;Prometheus
type AlertsAPI string

const (
	// AlertmanagerAPI knows which alerts are silenced or inhibited: those do not count.
	AlertmanagerAPI AlertsAPI = "Alertmanager"
	// PrometheusAPI knows which fire.
	PrometheusAPI AlertsAPI = "Prometheus"
)

// AlertsGate says which alerts must not fire. While one does, or while it is not known, no further pod is evicted and
// no stage is passed, but for a fix.
type AlertsGate struct {
	// URL is the base of the API, such as https://alertmanager.example.com.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^ @?[:cntrl:]]+$')",message="must be https://host/path or http://host/path, without a user and a query"
	URL string `json:"url"`
	// API is whose it is.
	// +kubebuilder:default=Alertmanager
	// +optional
	API AlertsAPI `json:"api,omitempty"`
	// Matchers are what an alert must satisfy, all of them, to count: a label, one of = != =~ !~, and a value in double
	// quotes.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:items:Pattern=`^[a-zA-Z_][a-zA-Z0-9_]* *(=~|!~|!=|=) *"([^"\\\x00-\x1f\x7f-\x9f]|\\[^\x00-\x1f\x7f-\x9f])*"$`
	// +listType=atomic
	Matchers []string `json:"matchers"`
	// SecretRef names a Secret of the Sync's namespace with a token, or username and password; ca.crt may hold the
	// certificates that sign the server's own.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
}

// PaceStage is a part of the nodes.
//
// +kubebuilder:validation:XValidation:rule="!has(self.order) || has(self.each)",message="order names values of the label in each"
// +kubebuilder:validation:XValidation:rule="!(has(self.each) && has(self.batches))",message="give either each or batches"
// +kubebuilder:validation:XValidation:rule="!(has(self.overlap) && self.overlap) || !(has(self.approve) && self.approve) && (!has(self.soak) || self.soak.matches('^0+(ms|s|m|h)?$'))",message="overlap has the next stage begin before this one is over: it does not go with soak or approve"
// +kubebuilder:validation:XValidation:rule="!(has(self.atMost) && (has(self.each) || has(self.batches)))",message="atMost bounds a single stage: it does not go with each or batches"
type PaceStage struct {
	// Name of the stage.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self != 'fix'",message="fix is what the nodes are called that have a broken commit: give the stage another name"
	Name string `json:"name"`
	// Nodes chooses the nodes by their labels; all that are left if it is not set.
	// +optional
	Nodes *metav1.LabelSelector `json:"nodes,omitempty"`
	// AtMost is how many of them the stage takes; the others belong to later stages.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	AtMost int32 `json:"atMost,omitempty"`
	// Each makes a stage of its own for each value of this label, in the order of Order, and then sorted. Nodes without
	// the label belong to later stages.
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:MinLength=1
	// +optional
	Each string `json:"each,omitempty"`
	// Order names the values that come first.
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MaxLength=63
	// +listType=atomic
	// +optional
	Order []string `json:"order,omitempty"`
	// Batches makes several stages of the nodes, each larger than the one before.
	// +optional
	Batches *PaceBatches `json:"batches,omitempty"`
	// Soak is how long the stage waits after its last pod has settled, without the end of a container.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 720h"
	// +optional
	Soak metav1.Duration `json:"soak,omitzero"`
	// Approve has the stage wait, when it has soaked, for `daemongate promote`. The last stage of all waits for none.
	// +optional
	Approve bool `json:"approve,omitempty"`
	// Overlap lets the next stage begin when the last old pod of this one has gone, while its last nodes settle.
	// +optional
	Overlap bool `json:"overlap,omitempty"`
}

// PaceBatches are the sizes of batches of nodes.
type PaceBatches struct {
	// First is the size of the first batch.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	First int32 `json:"first"`
	// Factor is how many times as large each batch is as the one before.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Factor int32 `json:"factor,omitempty"`
}

// StageWait is what a stage of a paced rollout waits for.
type StageWait string

const (
	// StageNodes means that nodes of the stage have no settled pod of the commit yet.
	StageNodes StageWait = "Nodes"
	// StageSoak means that the stage has settled, and must stay so for a while.
	StageSoak StageWait = "Soak"
	// StageApproval means that a person has to say so (daemongate promote).
	StageApproval StageWait = "Approval"
	// StageWindow means that the stage may not begin outside a window.
	StageWindow StageWait = "Window"
	// StageHold means that a person holds the commit, or all of them, in all clusters (daemongate hold): the stage may
	// not begin.
	StageHold StageWait = "Hold"
	// StagePaused means that a person has paused the rollout (daemongate pause), or suspended the Sync.
	StagePaused StageWait = "Paused"
	// StageFailing means that more nodes fail than may, so no further pod is evicted.
	StageFailing StageWait = "Failing"
	// StageBudget means that as many nodes as may be are without an available pod, or that a PodDisruptionBudget
	// allows no eviction.
	StageBudget StageWait = "Budget"
	// StageRights means that the Sync's ServiceAccount may not evict pods.
	StageRights StageWait = "Rights"
	// StageAlerts means that alerts fire, or that it is not known whether some do.
	StageAlerts StageWait = "Alerts"
	// StageStrategy means that all stages are done, and that DaemonSets have not got back yet the update strategy that
	// Git asks for.
	StageStrategy StageWait = "Strategy"
)

// FlightStage is the stage that a paced commit is in.
type FlightStage struct {
	// Name of the stage: the spec's, and after a slash the value of its label, or the number of its batch.
	Name string `json:"name"`
	// Index of the stage among all, from 1; 0 while nodes get a fix that have the commit which is mended by it.
	Index int32 `json:"index"`
	// Of is how many stages there are.
	Of int32 `json:"of"`
	// Since is when the stage was reached.
	Since metav1.MicroTime `json:"since"`
	// Begun is set when the first of its pods might be evicted: then no window holds it back any more.
	// +optional
	Begun bool `json:"begun,omitempty"`
	// WaitsFor says what it waits for, and Message in words.
	// +optional
	WaitsFor StageWait `json:"waitsFor,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// Until is when that is over, if it is known.
	// +optional
	Until *metav1.MicroTime `json:"until,omitempty"`
	// Nodes of the stage that are waited for, and how many of them have settled.
	// +optional
	Nodes int32 `json:"nodes,omitempty"`
	// +optional
	Settled int32 `json:"settled,omitempty"`
	// Reached is how many nodes this stage and those before it have: so many have been exposed to the commit.
	// +optional
	Reached int32 `json:"reached,omitempty"`
	// Early is how many nodes of later stages have the commit out of turn: they joined, or lost their old pod.
	// +optional
	Early int32 `json:"early,omitempty"`
	// MovingSince is since when it has waited for its nodes, and for nothing else.
	// +optional
	MovingSince *metav1.MicroTime `json:"movingSince,omitempty"`
	// Held is the cause that it is on its way to, if it waits for what may last for ever, and HeldSince is since when
	// it has waited for that without a break.
	// +optional
	Held string `json:"held,omitempty"`
	// +optional
	HeldSince *metav1.MicroTime `json:"heldSince,omitempty"`
	// Soaking is when it began to soak for the first time.
	// +optional
	Soaking *metav1.MicroTime `json:"soaking,omitempty"`
	// Plan tells apart what the spec asked for when it was reached.
	// +optional
	Plan string `json:"plan,omitempty"`
	// Behind names the stage before it whose nodes settle still, if there is one.
	// +optional
	Behind string `json:"behind,omitempty"`
	// Approved is set when a person has let the commit go on after this stage.
	// +optional
	Approved bool `json:"approved,omitempty"`
	// Back is set when the last stage is done, and the update strategies are given back that Git asks for.
	// +optional
	Back bool `json:"back,omitempty"`
}

// Is reports whether two looks saw a rollout in the same stage.
func (st *FlightStage) Is(other *FlightStage) bool {
	return st.Index == other.Index && st.Name == other.Name
}

// WorkloadPace is how far a paced rollout is with one workload.
type WorkloadPace struct {
	// Reached is how many of its nodes have been exposed to the commit.
	Reached int32 `json:"reached"`
	// Moving is set while it has still to settle on some of those.
	// +optional
	Moving bool `json:"moving,omitempty"`
}

// Pause is a person's word that a paced rollout stands still. Judging goes on.
type Pause struct {
	// +optional
	Reason string `json:"reason,omitempty"`
	// By is who asked, as the asking command says.
	// +optional
	By string `json:"by,omitempty"`
	// At is when it was asked for.
	At metav1.Time `json:"at"`
}
