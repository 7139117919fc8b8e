package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Window is a time in which commits may start, or may not. What denies goes before what allows. A Sync without any that
// allows is open unless denied.
//
// +kubebuilder:validation:XValidation:rule="has(self.allow) != has(self.deny)",message="give either allow or deny"
type Window struct {
	// Allow is a cron expression of five fields: when the window begins, by the wall clock of timeZone.
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:XValidation:rule="!self.contains('=') && !self.startsWith('@every')",message="write the time zone into timeZone, and a time of day instead of @every"
	// +kubebuilder:validation:XValidation:rule="self.contains('=') || self.startsWith('@every') || self.matches('^ *(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|(?i:([*?]|[0-5]?[0-9](-[0-5]?[0-9])?)(/0*[1-9][0-9]{0,3})?(,([*?]|[0-5]?[0-9](-[0-5]?[0-9])?)(/0*[1-9][0-9]{0,3})?)* +([*?]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/0*[1-9][0-9]{0,3})?(,([*?]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(-(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(-(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[0-6]|sun|mon|tue|wed|thu|fri|sat)(-(0?[0-6]|sun|mon|tue|wed|thu|fri|sat))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[0-6]|sun|mon|tue|wed|thu|fri|sat)(-(0?[0-6]|sun|mon|tue|wed|thu|fri|sat))?)(/0*[1-9][0-9]{0,3})?)*)) *$')",message="must be five fields (minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, weekday 0-6 from Sunday or SUN-SAT) or @daily and the like"
	// +optional
	Allow string `json:"allow,omitempty"`
	// Deny is the same for a window in which no commit starts.
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:XValidation:rule="!self.contains('=') && !self.startsWith('@every')",message="write the time zone into timeZone, and a time of day instead of @every"
	// +kubebuilder:validation:XValidation:rule="self.contains('=') || self.startsWith('@every') || self.matches('^ *(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|(?i:([*?]|[0-5]?[0-9](-[0-5]?[0-9])?)(/0*[1-9][0-9]{0,3})?(,([*?]|[0-5]?[0-9](-[0-5]?[0-9])?)(/0*[1-9][0-9]{0,3})?)* +([*?]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/0*[1-9][0-9]{0,3})?(,([*?]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(-(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(-(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[0-6]|sun|mon|tue|wed|thu|fri|sat)(-(0?[0-6]|sun|mon|tue|wed|thu|fri|sat))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[0-6]|sun|mon|tue|wed|thu|fri|sat)(-(0?[0-6]|sun|mon|tue|wed|thu|fri|sat))?)(/0*[1-9][0-9]{0,3})?)*)) *$')",message="must be five fields (minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, weekday 0-6 from Sunday or SUN-SAT) or @daily and the like"
	// +optional
	Deny string `json:"deny,omitempty"`
	// Duration is how long the window is open, in elapsed time: 1m to 8784h.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('1m') && duration(self) <= duration('8784h')",message="must be a length of time such as 30s, 15m or 1h30m, 1m to 8784h"
	Duration metav1.Duration `json:"duration"`
	// TimeZone is a name such as Europe/Berlin; UTC if empty.
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:XValidation:rule="self == '' || self != 'Local' && self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",message="must be the name of a time zone such as Europe/Berlin"
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// Order says which of several waiting commits goes next.
//
// +kubebuilder:validation:Enum=Latest;Each
type Order string

const (
	// OrderLatest passes over commits that a newer one already carries.
	OrderLatest Order = "Latest"
	// OrderEach rolls out every commit in turn.
	OrderEach Order = "Each"
)

// OnStuck says what a stuck rollout does to the gate.
//
// +kubebuilder:validation:Enum=Release;Hold;Rollback
type OnStuck string

const (
	// OnStuckRelease lets the next commit through at once.
	OnStuckRelease OnStuck = "Release"
	// OnStuckHold waits until a person releases the stuck commit.
	OnStuckHold OnStuck = "Hold"
	// OnStuckRollback applies the last complete commit again, unless a commit waits that can be applied.
	OnStuckRollback OnStuck = "Rollback"
)

// OnRelapse says what a complete rollout that relapses does to the gate.
//
// +kubebuilder:validation:Enum=Report;Hold;Rollback
type OnRelapse string

const (
	// OnRelapseReport only tells of it.
	OnRelapseReport OnRelapse = "Report"
	// OnRelapseHold lets no further commit through until a person releases the one that relapsed, or it is well again.
	OnRelapseHold OnRelapse = "Hold"
	// OnRelapseRollback applies the last complete commit before it again, unless a commit waits that can be applied.
	OnRelapseRollback OnRelapse = "Rollback"
)

// Preflight says what is done about a commit whose pods would not fit their nodes.
//
// +kubebuilder:validation:Enum=Off;Warn;Hold
type Preflight string

const (
	// PreflightOff does not look.
	PreflightOff Preflight = "Off"
	// PreflightWarn tells of it.
	PreflightWarn Preflight = "Warn"
	// PreflightHold lets such a commit wait until its pods fit, or a person releases it.
	PreflightHold Preflight = "Hold"
)

// Channel is how clusters tell each other what became of commits.
//
// +kubebuilder:validation:Enum=Notes;Statuses
type Channel string

const (
	// ChannelNotes is the notes of the repository.
	ChannelNotes Channel = "Notes"
	// ChannelStatuses is the statuses of commits on the Git host.
	ChannelStatuses Channel = "Statuses"
)

// After is one that goes before: a Sync of the same namespace, or Syncs of other clusters that follow the same
// repository.
//
// +kubebuilder:validation:XValidation:rule="has(self.sync) || has(self.cluster)",message="give sync, or cluster, or both"
// +kubebuilder:validation:XValidation:rule="has(self.cluster) || !has(self.sync) || !self.sync.contains('/')",message="must be the name of a Sync of the same namespace, unless cluster is given",fieldPath=".sync"
// +kubebuilder:validation:XValidation:rule="has(self.cluster) || !has(self.count)",message="needs cluster",fieldPath=".count"
// +kubebuilder:validation:XValidation:rule="has(self.cluster) || !has(self.failureBudget)",message="needs cluster",fieldPath=".failureBudget"
// +kubebuilder:validation:XValidation:rule="has(self.cluster) || !has(self.verify)",message="needs cluster",fieldPath=".verify"
// +kubebuilder:validation:XValidation:rule="has(self.cluster) || !has(self.channel)",message="needs cluster",fieldPath=".channel"
// +kubebuilder:validation:XValidation:rule="!has(self.creators) || has(self.channel) && self.channel == 'Statuses'",message="needs channel Statuses: what accounts of the Git host wrote",fieldPath=".creators"
// +kubebuilder:validation:XValidation:rule="!has(self.verify) || !has(self.channel) || self.channel != 'Statuses'",message="does not go with channel Statuses, which nobody can sign: name creators, or use Notes",fieldPath=".verify"
// +kubebuilder:validation:XValidation:rule="has(self.count) || !has(self.cluster) || !self.cluster.matches('[*?]')",message="is required where cluster is a pattern: on how many clusters",fieldPath=".count"
type After struct {
	// Sync is the name of a Sync of the same namespace in which a commit must be Complete, or change nothing of what
	// is. Beside cluster it is a Sync there: its name, or namespace/name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +optional
	Sync string `json:"sync,omitempty"`
	// Cluster is the name of another cluster that follows the same repository and tells of it, or a pattern with * and
	// ? for several. Without sync all its Syncs count that have said something of a commit. This cluster itself never
	// counts.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Cluster string `json:"cluster,omitempty"`
	// Count is on how many clusters a commit must be Complete; one if it is left out.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	Count int32 `json:"count,omitempty"`
	// FailureBudget is in how many of these clusters a commit that waits may be Stuck, or have relapsed, before nothing
	// more starts.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	// +optional
	FailureBudget int32 `json:"failureBudget,omitempty"`
	// Channel is where these clusters tell what became of commits: in the notes of the repository, or in the statuses
	// of commits on the Git host that spec.report tells; Notes if it is left out.
	// +optional
	Channel Channel `json:"channel,omitempty"`
	// Creators are the accounts of the Git host, as it names them, whose statuses count; all if there are none.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=255
	// +listType=set
	// +optional
	Creators []string `json:"creators,omitempty"`
	// Verify says whose signature the notes of these clusters need.
	// +optional
	Verify *AfterVerify `json:"verify,omitempty"`
	// Soak is for how long it must have been so.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 720h"
	// +optional
	Soak metav1.Duration `json:"soak,omitzero"`
}

// AfterVerify says whose signature the notes of clusters need.
type AfterVerify struct {
	// SecretRef names the Secret with the signers, in the format of OpenSSH's allowed_signers: the principals are the
	// names of the clusters that a key may speak for.
	SecretRef LocalObjectReference `json:"secretRef"`
}

// Gate is how commits are let through.
//
// +kubebuilder:validation:XValidation:rule="!has(self.onRelapse) || self.onRelapse == 'Report' || !has(self.relapse) || !(self.relapse in ['0', '0s', '0m', '0h', '0ms'])",message="needs a relapse longer than 0s",fieldPath=".onRelapse"
type Gate struct {
	// +kubebuilder:default=Latest
	// +optional
	Order Order `json:"order,omitempty"`
	// After are those that go before this Sync: the newest commit starts that all of them have let through.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	After []After `json:"after,omitempty"`
	// +kubebuilder:default=Release
	// +optional
	OnStuck OnStuck `json:"onStuck,omitempty"`
	// Relapse is how long after a commit is complete its agents may not begin to end again and again without its being
	// told on the commit; 0s turns that off.
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('168h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 168h"
	// +optional
	Relapse *metav1.Duration `json:"relapse,omitempty"`
	// +kubebuilder:default=Report
	// +optional
	OnRelapse OnRelapse `json:"onRelapse,omitempty"`
	// +kubebuilder:default=Warn
	// +optional
	Preflight Preflight `json:"preflight,omitempty"`
	// ProgressDeadline is how long a rollout may go without a further settled node.
	// +kubebuilder:default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('1s') && duration(self) <= duration('168h')",message="must be a length of time such as 30s, 15m or 1h30m, 1s to 168h"
	// +optional
	ProgressDeadline metav1.Duration `json:"progressDeadline,omitzero"`
	// FailureBudget is how many nodes may fail, as a number or a percentage of the eligible ones, rounded down.
	// +kubebuilder:default="1%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 1000000 : type(self) == string && self.matches('^([0-9]{1,6}|([0-9]{1,2}|100)%)$')",message="must be a number of nodes such as 3, or a percentage such as 5%"
	// +optional
	FailureBudget *intstr.IntOrString `json:"failureBudget,omitempty"`
}
