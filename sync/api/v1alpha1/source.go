package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Source is the Git repository, the ref to follow and the folder to render.
//
// +kubebuilder:validation:XValidation:rule="!self.url.matches('(?i)https?://[^/?#]*@|https?://[^/?#@]*:.*@|://[^/:]*:.*@')",message="must hold neither a password nor a token: put it into the Secret that secretRef names",fieldPath=".url"
// +kubebuilder:validation:XValidation:rule="!has(self.schedule) || size(self.schedule) == 0 || !has(self.interval) || self.interval in ['1m', '1m0s', '60s']",message="give either interval or schedule",fieldPath=".interval"
// +kubebuilder:validation:XValidation:rule="has(self.schedule) && size(self.schedule) > 0 || !has(self.timeZone) || size(self.timeZone) == 0",message="is that of schedule: give schedule too",fieldPath=".timeZone"
// +kubebuilder:validation:XValidation:rule="has(self.schedule) && size(self.schedule) > 0 || !has(self.startingDeadline)",message="is that of schedule: give schedule too",fieldPath=".startingDeadline"
// +kubebuilder:validation:XValidation:rule="!has(self.verify) || !has(self.verify.mode) || self.verify.mode != 'Tag' || has(self.ref) && (has(self.ref.tag) || has(self.ref.semver) || has(self.ref.name) && self.ref.name.startsWith('refs/tags/'))",message="Tag needs ref.tag, ref.semver or a ref.name that begins with refs/tags/",fieldPath=".verify.mode"
type Source struct {
	// URL of the repository: https, http, ssh, file or a local path.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('(?i)^(https?://|ssh://([^/@]+@)?)[^/@]+/.*[^/]|^file://(localhost)?/.|^[.]{0,2}/.|^([^/@:]+@)?([^/:@\\\\[]{2,}|\\\\[[^/]+\\\\]):[^:/]|^([^/@:]+@)?([^/:@\\\\[]{2,}|\\\\[[^/]+\\\\]):/[^/]') && !self.matches('[[:cntrl:]]|^ | $') && !self.matches('(?i)^(https?|ssh|file):/[^/]') || self.matches('(?i)https?://[^/?#]*@|https?://[^/?#@]*:.*@|://[^/:]*:.*@')",message="must be https://host/path, http://host/path, ssh://user@host/path, user@host:path, file:///path or /path"
	URL string `json:"url"`
	// Ref to follow; the branch main if none is named.
	// +optional
	Ref Ref `json:"ref,omitempty"`
	// Path of the folder to render, relative to the root of the repository; the root if empty.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.matches('^/*([.]/+)*[.][.](/|$)|[[:cntrl:]]')",message="must be a folder of the repository, relative to its root"
	// +optional
	Path string `json:"path,omitempty"`
	// Interval between two polls of the repository; at least 1s.
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be a length of time such as 30s, 15m or 1h30m, 1s to 24h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`
	// Submodules has the submodules of the repository read as its folders; otherwise a render that needs one is
	// refused.
	// +optional
	Submodules bool `json:"submodules,omitempty"`
	// Schedule is a cron expression of five fields: when to poll, instead of at the interval.
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="!self.contains('=') && !self.startsWith('@every')",message="write the time zone into timeZone; for polls at an interval set interval"
	// +kubebuilder:validation:XValidation:rule="self == '' || self.contains('=') || self.startsWith('@every') || self.matches('^ *(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|(?i:([*?]|[0-5]?[0-9](-[0-5]?[0-9])?)(/0*[1-9][0-9]{0,3})?(,([*?]|[0-5]?[0-9](-[0-5]?[0-9])?)(/0*[1-9][0-9]{0,3})?)* +([*?]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/0*[1-9][0-9]{0,3})?(,([*?]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(-(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(-(0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))?)(/0*[1-9][0-9]{0,3})?)* +([*?]|(0?[0-6]|sun|mon|tue|wed|thu|fri|sat)(-(0?[0-6]|sun|mon|tue|wed|thu|fri|sat))?)(/0*[1-9][0-9]{0,3})?(,([*?]|(0?[0-6]|sun|mon|tue|wed|thu|fri|sat)(-(0?[0-6]|sun|mon|tue|wed|thu|fri|sat))?)(/0*[1-9][0-9]{0,3})?)*)) *$')",message="must be five fields (minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, weekday 0-6 from Sunday or SUN-SAT) or @daily and the like"
	// +optional
	Schedule string `json:"schedule,omitempty"`
	// TimeZone of the schedule is a name such as Europe/Berlin; UTC if empty.
	// +kubebuilder:validation:MaxLength=60
	// +kubebuilder:validation:XValidation:rule="self == '' || self != 'Local' && self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",message="must be the name of a time zone such as Europe/Berlin"
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// StartingDeadline is how late a scheduled poll may be that was missed or failed: 0s to 24h, 1h if it is not set.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 24h"
	// +optional
	StartingDeadline *metav1.Duration `json:"startingDeadline,omitempty"`
	// SecretRef names a Secret of the Sync's namespace with credentials: see docs/credentials.md for its keys.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// Verify is which signatures a commit needs.
	// +kubebuilder:default={}
	// +optional
	Verify Verify `json:"verify,omitempty"`
	// OnRewrite is what a ref may do that is set to a commit which is not built on the one that passed last, or to a
	// lower version.
	// +kubebuilder:default=Follow
	// +optional
	OnRewrite OnRewrite `json:"onRewrite,omitempty"`
}

// OnRewrite says what a force-push or an older tag does to the gate.
//
// +kubebuilder:validation:Enum=Follow;Hold
type OnRewrite string

const (
	// OnRewriteFollow makes the new head the next commit.
	OnRewriteFollow OnRewrite = "Follow"
	// OnRewriteHold waits until a person releases the new head.
	OnRewriteHold OnRewrite = "Hold"
)

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
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[0-9a-f]{40}$')",message="must be the full hash of a commit: 40 hexadecimal digits in lower case"
	// +optional
	Accept []string `json:"accept,omitempty"`
}

// Ref is what to follow in the repository. At most one of branch, tag, semver, commit and name is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.branch), has(self.tag), has(self.semver), has(self.commit), has(self.name)].filter(given, given).size() <= 1",message="name one of branch, tag, semver, commit and name"
// +kubebuilder:validation:XValidation:rule="!has(self.prereleases) || !self.prereleases || has(self.semver)",message="prereleases needs semver"
type Ref struct {
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches('[[:cntrl:] ~^:?*\\\\[\\\\\\\\]|[.][.]|@[{]|//|^[/-]|[./]$|[.]lock(/|$)')",message="must be the name of a branch such as main, as git check-ref-format allows"
	// +optional
	Branch string `json:"branch,omitempty"`
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches('[[:cntrl:] ~^:?*\\\\[\\\\\\\\]|[.][.]|@[{]|//|^[/-]|[./]$|[.]lock(/|$)')",message="must be the name of a tag such as v1.2.3, as git check-ref-format allows"
	// +optional
	Tag string `json:"tag,omitempty"`
	// SemVer is a range of versions, such as ">=1.2 <2", "~1.4" or "1.x": the highest version among the tags is
	// followed. Tags count that are a whole version, such as v1.2.3 or 1.2.3.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^ *(=|==|!=|>|<|>=|=>|<=|=<|~|~>|\\\\^)? *v?([0-9]+|[xX*])([.]([0-9]+|[xX*])){0,2}(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?(( *, *| +| *[|][|] *| +- +)(=|==|!=|>|<|>=|=>|<=|=<|~|~>|\\\\^)? *v?([0-9]+|[xX*])([.]([0-9]+|[xX*])){0,2}(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?)* *$')",message="must be a range of versions such as >=1.2 <2, ~1.4 or 1.x"
	// +optional
	SemVer string `json:"semver,omitempty"`
	// Prereleases has versions such as 1.3.0-rc.1 count as well. A range that names a pre-release itself needs it not.
	// +optional
	Prereleases bool `json:"prereleases,omitempty"`
	// Commit is a full hash.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9a-f]{40})?$')",message="must be a full hash: 40 hexadecimal digits in lower case"
	// +optional
	Commit string `json:"commit,omitempty"`
	// Name is a full ref name, such as refs/heads/main.
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^refs/.')",message="must be a full name such as refs/heads/main"
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches('[[:cntrl:] ~^:?*\\\\[\\\\\\\\]|[.][.]|@[{]|//|^[/-]|[./]$|[.]lock(/|$)')",message="must be the name of a ref such as refs/heads/main, as git check-ref-format allows"
	// +optional
	Name string `json:"name,omitempty"`
}

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
