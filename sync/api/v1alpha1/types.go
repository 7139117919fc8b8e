package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Sync brings the cluster to the newest commit of a Git ref, one commit at a time.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=syncs,singular=sync,categories=gitops
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.status.summary.commit`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.summary.state`
// +kubebuilder:printcolumn:name="Nodes",type=string,JSONPath=`.status.summary.nodes`
// +kubebuilder:printcolumn:name="Held",type=integer,JSONPath=`.status.held.count`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.summary.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="the name of a Sync has at most 63 characters"
type Sync struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   SyncSpec   `json:"spec"`
	Status SyncStatus `json:"status,omitempty"`
}

// SyncList is a list of Syncs.
//
// +kubebuilder:object:root=true
type SyncList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Sync `json:"items"`
}

// SyncSpec says what to sync and how to let commits through.
type SyncSpec struct {
	Source Source `json:"source"`
	// Windows are the times in which a commit may start; always, if there are none.
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Windows []Window `json:"windows,omitempty"`
	// +optional
	Render Render `json:"render,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Gate Gate `json:"gate,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Rollout Rollout `json:"rollout,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Apply Apply `json:"apply,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Report Report `json:"report,omitempty"`
	// Webhook lets the Git host wake the poll.
	// +optional
	Webhook *Webhook `json:"webhook,omitempty"`
	// Suspend stops polls, applies and prune. What runs is still judged and reported.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Source is the Git repository, the ref to follow and the folder to render.
type Source struct {
	// URL of the repository: https, http, ssh, file or a local path.
	// +kubebuilder:validation:MinLength=1
	URL string `json:"url"`
	// Ref to follow; the branch main if none is named.
	// +optional
	Ref Ref `json:"ref,omitempty"`
	// Path of the folder to render, relative to the root of the repository; the root if empty.
	// +optional
	Path string `json:"path,omitempty"`
	// Interval between two polls of the repository; at least 1s.
	// +kubebuilder:default="1m"
	// +optional
	Interval metav1.Duration `json:"interval,omitempty"`
	// Submodules has the submodules of the repository read as its folders; otherwise a render that needs one is refused.
	// +optional
	Submodules bool `json:"submodules,omitempty"`
	// Schedule is a cron expression of five fields: when to poll, instead of at the interval.
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="!self.contains('=') && !self.startsWith('@every')",message="write the time zone into timeZone; for polls at an interval set interval"
	// +optional
	Schedule string `json:"schedule,omitempty"`
	// TimeZone of the schedule is a name such as Europe/Berlin; UTC if empty.
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:XValidation:rule="self != 'Local'",message="name a time zone such as Europe/Berlin"
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// StartingDeadline is how late a scheduled poll may be that was missed or failed: 0s to 24h, 1h if it is not set.
	// +optional
	StartingDeadline *metav1.Duration `json:"startingDeadline,omitempty"`
	// SecretRef names a Secret of the Sync's namespace with credentials: see docs/credentials.md for its keys.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// Verify is which signatures a commit needs.
	// +kubebuilder:default={}
	// +optional
	Verify Verify `json:"verify,omitempty"`
}

// VerifyMode says whose signature counts.
//
// +kubebuilder:validation:Enum=None;Head;Tag;Every
type VerifyMode string

const (
	// VerifyNone asks for no signature.
	VerifyNone VerifyMode = "None"
	// VerifyHead asks every commit that is applied for a signature.
	VerifyHead VerifyMode = "Head"
	// VerifyTag asks the tag that the ref is at for a signature.
	VerifyTag VerifyMode = "Tag"
	// VerifyEvery asks every first-parent commit for a signature; nothing passes one that has none.
	VerifyEvery VerifyMode = "Every"
)

// Verify is which signatures a commit needs.
//
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || self.mode == 'None' || has(self.secretRef)",message="secretRef must name the Secret with the signers"
type Verify struct {
	// +kubebuilder:default=None
	// +optional
	Mode VerifyMode `json:"mode,omitempty"`
	// SecretRef names a Secret of the Sync's namespace: armored PGP public keys, or lines of OpenSSH's allowed_signers.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// Accept are the full hashes of commits that need no signature.
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:Pattern=`^[0-9a-f]{40}$`
	// +optional
	Accept []string `json:"accept,omitempty"`
}

// Ref is what to follow in the repository. At most one of branch, tag, semver, commit and name is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.branch), has(self.tag), has(self.semver), has(self.commit), has(self.name)].filter(given, given).size() <= 1",message="name one of branch, tag, semver, commit and name"
// +kubebuilder:validation:XValidation:rule="!has(self.prereleases) || !self.prereleases || has(self.semver)",message="prereleases needs semver"
type Ref struct {
	// +optional
	Branch string `json:"branch,omitempty"`
	// +optional
	Tag string `json:"tag,omitempty"`
	// SemVer is a range of versions, such as ">=1.2 <2", "~1.4" or "1.x": the highest version among the tags is followed.
	// Tags count that are a whole version, such as v1.2.3 or 1.2.3.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	SemVer string `json:"semver,omitempty"`
	// Prereleases has versions such as 1.3.0-rc.1 count as well. A range that names a pre-release itself needs it not.
	// +optional
	Prereleases bool `json:"prereleases,omitempty"`
	// Commit is a full hash.
	// +kubebuilder:validation:Pattern=`^([0-9a-f]{40})?$`
	// +optional
	Commit string `json:"commit,omitempty"`
	// Name is a full ref name, such as refs/heads/main.
	// +kubebuilder:validation:Pattern=`^(refs/.+)?$`
	// +optional
	Name string `json:"name,omitempty"`
}

// Render is what rendering a commit may do and cost.
type Render struct {
	// AllowRemoteBases lets a kustomization name folders of other repositories, each pinned to a full commit.
	// +optional
	AllowRemoteBases bool `json:"allowRemoteBases,omitempty"`
	// Timeout of one render.
	// +kubebuilder:default="2m"
	// +optional
	Timeout metav1.Duration `json:"timeout,omitempty"`
	// MaxFileSize is how large a file may be that is read, as a quantity of bytes.
	// +kubebuilder:default="4Mi"
	// +optional
	MaxFileSize string `json:"maxFileSize,omitempty"`
	// MaxTotalSize is how much may be read in one render, and how much all aliases of its YAML may repeat, as a quantity
	// of bytes.
	// +kubebuilder:default="64Mi"
	// +optional
	MaxTotalSize string `json:"maxTotalSize,omitempty"`
	// MaxObjects is how many objects a commit may ask for.
	// +kubebuilder:default=10000
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxObjects int `json:"maxObjects,omitempty"`
}

// LocalObjectReference names an object of the Sync's namespace.
type LocalObjectReference struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// Window is a time in which commits may start, or may not. What denies goes before what allows. A Sync without any that
// allows is open unless denied.
//
// +kubebuilder:validation:XValidation:rule="has(self.allow) != has(self.deny)",message="give either allow or deny"
type Window struct {
	// Allow is a cron expression of five fields: when the window begins, by the wall clock of timeZone.
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:XValidation:rule="!self.contains('=') && !self.startsWith('@every')",message="write the time zone into timeZone, and a time of day instead of @every"
	// +optional
	Allow string `json:"allow,omitempty"`
	// Deny is the same for a window in which no commit starts.
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:XValidation:rule="!self.contains('=') && !self.startsWith('@every')",message="write the time zone into timeZone, and a time of day instead of @every"
	// +optional
	Deny string `json:"deny,omitempty"`
	// Duration is how long the window is open, in elapsed time: 1m to 8784h.
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('8784h')",message="a window lasts 1m to 8784h"
	Duration metav1.Duration `json:"duration"`
	// TimeZone is a name such as Europe/Berlin; UTC if empty.
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:XValidation:rule="self != 'Local'",message="name a time zone such as Europe/Berlin"
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

// Gate is how commits are let through.
type Gate struct {
	// +kubebuilder:default=Latest
	// +optional
	Order Order `json:"order,omitempty"`
	// +kubebuilder:default=Release
	// +optional
	OnStuck OnStuck `json:"onStuck,omitempty"`
	// ProgressDeadline is how long a rollout may go without a further settled node.
	// +kubebuilder:default="15m"
	// +optional
	ProgressDeadline metav1.Duration `json:"progressDeadline,omitempty"`
	// FailureBudget is how many nodes may fail, as a number or a percentage of the eligible ones, rounded down.
	// +kubebuilder:default="1%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^[0-9]+%?$`
	// +optional
	FailureBudget *intstr.IntOrString `json:"failureBudget,omitempty"`
}

// OnDelete says when a DaemonSet with the update strategy OnDelete counts as rolled out.
//
// +kubebuilder:validation:Enum=Pass;Wait
type OnDelete string

const (
	// OnDeletePass is done when the new template is observed.
	OnDeletePass OnDelete = "Pass"
	// OnDeleteWait is done when a person has deleted every old pod.
	OnDeleteWait OnDelete = "Wait"
)

// Rollout is when a node counts as taken over.
type Rollout struct {
	// +kubebuilder:default=Pass
	// +optional
	OnDelete OnDelete `json:"onDelete,omitempty"`
	// Settle is how long a pod must have been Ready without interruption.
	// +kubebuilder:default="10s"
	// +optional
	Settle metav1.Duration `json:"settle,omitempty"`
	// Probation is how long a pod must have been Ready after one of its containers ended; doubled by each further end.
	// +kubebuilder:default="1m"
	// +optional
	Probation metav1.Duration `json:"probation,omitempty"`
	// Brake stops an agent that keeps ending from spreading to further nodes.
	// +kubebuilder:default=true
	// +optional
	Brake *bool `json:"brake,omitempty"`
	// MaxRemoved is how many of its nodes, as a number or a percentage, a commit may take a DaemonSet off.
	// +kubebuilder:default="50%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^[0-9]+%?$`
	// +optional
	MaxRemoved *intstr.IntOrString `json:"maxRemoved,omitempty"`
	// MaxAbsent is how many of the eligible nodes, as a number or a percentage rounded down but at least one, may be absent
	// from a rollout that is complete.
	// +kubebuilder:default="20%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^[0-9]+%?$`
	// +optional
	MaxAbsent *intstr.IntOrString `json:"maxAbsent,omitempty"`
	// After is how long a cause must last before the rollout is Stuck, by cause, where it differs from the default. What is
	// counted (CrashLoop, ProbeFailing, Rejected, and ImagePull with Events) must have lasted so long as well.
	// +kubebuilder:validation:MaxProperties=20
	// +kubebuilder:validation:XValidation:rule="self.all(c, c in ['InvalidImage','ImagePull','CrashLoop','ProbeFailing','ConfigError','VolumeMount','Sandbox','Unschedulable','Forbidden','Rejected','Terminating','NodeLost','BudgetSpent','ClockSkew','NotObserved','NotScheduled','Overwritten','Deleted','NoEligibleNodes'])",message="names a cause that has no time of its own; docs/troubleshooting.md has the causes, and spec.gate.progressDeadline is the time of NoProgress and ApplyFailed"
	// +optional
	After map[string]Span `json:"after,omitempty"`
}

// DriftPolicy says what happens to an object that no longer is as Git says.
//
// +kubebuilder:validation:Enum=Correct;Report
type DriftPolicy string

const (
	// DriftCorrect applies it again.
	DriftCorrect DriftPolicy = "Correct"
	// DriftReport says so and writes nothing.
	DriftReport DriftPolicy = "Report"
)

// Recreate says what happens to a DaemonSet whose selector changes: it cannot change on an existing one.
//
// +kubebuilder:validation:Enum=None;Orphan
type Recreate string

const (
	// RecreateNone refuses the commit.
	RecreateNone Recreate = "None"
	// RecreateOrphan deletes the DaemonSet without its pods and creates it anew; it adopts and replaces them.
	RecreateOrphan Recreate = "Orphan"
)

// Apply is how a commit's objects are written.
type Apply struct {
	// Drift says what happens to objects that somebody else changes or deletes.
	// +kubebuilder:default=Correct
	// +optional
	Drift DriftPolicy `json:"drift,omitempty"`
	// Force takes over fields that another field manager owns.
	// +optional
	Force bool `json:"force,omitempty"`
	// Recreate says what happens to a DaemonSet whose selector changes.
	// +kubebuilder:default=None
	// +optional
	Recreate Recreate `json:"recreate,omitempty"`
	// Prune deletes, once a commit has rolled out, what it no longer asks for.
	// +kubebuilder:default=true
	// +optional
	Prune *bool `json:"prune,omitempty"`
	// TargetNamespace replaces the namespace of every namespaced object.
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`
	// ServiceAccountName is the ServiceAccount of the Sync's namespace whose rights are used for every write.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// Provider is where the states of commits are reported.
//
// +kubebuilder:validation:Enum=None;Notes;GitHub;GitLab;Gitea;BitbucketCloud;BitbucketDataCenter
type Provider string

const (
	// ProviderNone reports in the status and the log alone.
	ProviderNone Provider = "None"
	// ProviderNotes writes refs/notes/daemongate of the repository.
	ProviderNotes Provider = "Notes"
	// ProviderGitHub is GitHub or GitHub Enterprise.
	ProviderGitHub Provider = "GitHub"
	// ProviderGitLab is GitLab.
	ProviderGitLab Provider = "GitLab"
	// ProviderGitea is Gitea or Forgejo.
	ProviderGitea Provider = "Gitea"
	// ProviderBitbucketCloud is bitbucket.org.
	ProviderBitbucketCloud Provider = "BitbucketCloud"
	// ProviderBitbucketDataCenter is a Bitbucket of one's own.
	ProviderBitbucketDataCenter Provider = "BitbucketDataCenter"
)

// Report is where the states of commits are told to.
type Report struct {
	// +kubebuilder:default=None
	// +optional
	Provider Provider `json:"provider,omitempty"`
	// SecretRef names a Secret of the Sync's namespace with the host's token, or username and password; ca.crt may hold the
	// certificates that sign the host's own. Notes use the credentials of the source.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// URL is the base of the host's API; it follows from the source's URL if empty.
	// +kubebuilder:validation:Pattern=`^(https?://[^\s@?]+)?$`
	// +optional
	URL string `json:"url,omitempty"`
	// Repository is owner/name on the host; it follows from the source's URL if empty.
	// +optional
	Repository string `json:"repository,omitempty"`
	// TargetURL is where a state links to. {commit}, {cluster}, {namespace} and {name} are replaced.
	// +kubebuilder:validation:Pattern=`^(https?://([^\s{}]|\{(commit|cluster|namespace|name)\})+)?$`
	// +optional
	TargetURL string `json:"targetURL,omitempty"`
	// Nodes lets the names of nodes stand on the host.
	// +optional
	Nodes bool `json:"nodes,omitempty"`
	// Unchanged reports commits, too, that leave the set as it was.
	// +optional
	Unchanged bool `json:"unchanged,omitempty"`
	// Context tells the states of several Syncs on one commit apart; daemongate/<cluster>/<namespace>/<name> if empty.
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Context string `json:"context,omitempty"`
}

// Span is a length of time, written as Go does: 90s, 15m, 1h30m.
//
// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
// +kubebuilder:validation:MaxLength=32
type Span string

// WebhookProvider is whose webhooks are accepted.
//
// +kubebuilder:validation:Enum=GitHub;GitLab;Gitea;BitbucketCloud;BitbucketDataCenter;Generic
type WebhookProvider string

// Webhook is how the Git host, or anybody else who knows the secret, wakes the poll.
type Webhook struct {
	// Provider whose signature is expected; any of the known ones if empty.
	// +optional
	Provider WebhookProvider `json:"provider,omitempty"`
	// SecretRef names a Secret of the Sync's namespace whose key secret is shared with the sender.
	SecretRef LocalObjectReference `json:"secretRef"`
}
