package v1alpha1

// Provider is where the states of commits are reported.
//
// +kubebuilder:validation:Enum=None;Notes;GitHub;GitLab;Gitea;BitbucketCloud;BitbucketDataCenter
type Provider string

const (
	// ProviderNone reports in the status and the log alone.
	ProviderNone Provider = "None"
	// ProviderNotes writes refs/notes/daemongate/<cluster> of the repository.
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

// Detail is how much of single nodes is told.
//
// +kubebuilder:validation:Enum=Details;Counts
type Detail string

const (
	// TellDetails names nodes, and says what containers and other programs wrote.
	TellDetails Detail = "Details"
	// TellCounts says causes and how many nodes show them.
	TellCounts Detail = "Counts"
)

// Notice is a change of a commit's state, as a receiver is told of it.
//
// +kubebuilder:validation:Enum=Held;Applying;RollingOut;Complete;Stuck;Failed;Unchanged;Carried;Dropped;Relapsed;Recovered;RollingBack;RolledBack
type Notice string

// Notices are of the states of commits, by their names, and of what befalls a commit that keeps its state.
const (
	// NoticeRelapsed and NoticeRecovered: the agents of a Complete commit keep ending; they no longer do.
	NoticeRelapsed  Notice = "Relapsed"
	NoticeRecovered Notice = "Recovered"
	// NoticeRollingBack and NoticeRolledBack: another commit is put in the place of one that is Stuck or has relapsed;
	// it has taken over.
	NoticeRollingBack Notice = "RollingBack"
	NoticeRolledBack  Notice = "RolledBack"
)

// Notify is who is told of each change of a commit's state, by one message: a CloudEvent.
type Notify struct {
	// SecretRef names a Secret of the Sync's namespace with the receiver's url. It may have a token, sent as bearer, an
	// hmacKey that messages are signed with, ca.crt, proxy and allowHTTP.
	SecretRef LocalObjectReference `json:"secretRef"`
	// States are the changes that are told; all but Applying, Carried and Unchanged if empty.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=13
	// +optional
	States []Notice `json:"states,omitempty"`
}

// Report is where the states of commits are told to, and how much of them.
//
// +kubebuilder:validation:XValidation:rule="!has(self.nodes) || !self.nodes || !has(self.inCluster) || self.inCluster != 'Counts'",message="names nodes on the Git host, and inCluster Counts names them nowhere: keep one of them",fieldPath=".nodes"
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || self.provider in ['None', 'Notes'] || has(self.secretRef)",message="must name the Secret with the token of the provider",fieldPath=".secretRef"
type Report struct {
	// +kubebuilder:default=None
	// +optional
	Provider Provider `json:"provider,omitempty"`
	// SecretRef names a Secret of the Sync's namespace with the host's token, or username and password; ca.crt may hold
	// the certificates that sign the host's own. Notes use the credentials of the source.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// URL is the base of the host's API; it follows from the source's URL if empty.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^https?://[^ @?[:cntrl:]]+$')",message="must be https://host/path or http://host/path, without a user and a query"
	// +optional
	URL string `json:"url,omitempty"`
	// Repository is owner/name on the host; it follows from the source's URL if empty.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^/?[^ /:?#[:cntrl:]]+(/[^ /:?#[:cntrl:]]+)+/?$')",message="must be owner/name"
	// +optional
	Repository string `json:"repository,omitempty"`
	// TargetURL is where a state links to. {commit}, {cluster}, {namespace} and {name} are replaced.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^https?://([^ {}[:cntrl:]]|[{](commit|cluster|namespace|name)[}])+$')",message="must be https://host/path or http://host/path; {commit}, {cluster}, {namespace} and {name} are replaced"
	// +optional
	TargetURL string `json:"targetURL,omitempty"`
	// Nodes lets the names of nodes stand on the host.
	// +optional
	Nodes bool `json:"nodes,omitempty"`
	// InCluster says how much of single nodes stands in the status, the Events and the log. With Counts no node is
	// named, and nothing is quoted that a container or another program wrote, for whoever may read the Sync.
	// +kubebuilder:default=Details
	// +optional
	InCluster Detail `json:"inCluster,omitempty"`
	// Unchanged reports commits, too, that leave the set as it was.
	// +optional
	Unchanged bool `json:"unchanged,omitempty"`
	// Context tells the states of several Syncs on one commit apart; daemongate/<cluster>/<namespace>/<name> if empty.
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Context string `json:"context,omitempty"`
	// Notify has somebody told of each change of a commit's state, beside the Git host.
	// +optional
	Notify *Notify `json:"notify,omitempty"`
}

// CountsOnly reports whether nothing is told of single nodes.
func (r Report) CountsOnly() bool { return r.InCluster == TellCounts }
