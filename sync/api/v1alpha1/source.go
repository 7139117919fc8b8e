package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	// Submodules has the submodules of the repository read as its folders; otherwise a render that needs one is
	// refused.
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
	// SemVer is a range of versions, such as ">=1.2 <2", "~1.4" or "1.x": the highest version among the tags is
	// followed. Tags count that are a whole version, such as v1.2.3 or 1.2.3.
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
