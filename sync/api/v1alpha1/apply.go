package v1alpha1

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
	// TargetNamespace replaces the namespace of every namespaced object, and in what refers to them, as kustomize's
	// namespace does.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$')",message="must be the name of a namespace: lower case letters, digits and dashes"
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`
	// ServiceAccountName is the ServiceAccount of the Sync's namespace whose rights are used for every write.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="must be the name of a ServiceAccount of the Sync's namespace: lower case letters, digits, dashes and dots"
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// KubeConfig leads to another cluster: objects are written there and judged there, with the rights of that
	// kubeconfig.
	// +optional
	KubeConfig *KubeConfig `json:"kubeConfig,omitempty"`
}

// KubeConfig is how another cluster is reached.
type KubeConfig struct {
	// SecretRef names the Secret that holds the kubeconfig.
	SecretRef KubeConfigRef `json:"secretRef"`
}

// KubeConfigRef names a Secret in the Sync's namespace, and what of it is the kubeconfig.
type KubeConfigRef struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="must be the name of a Secret: lower case letters, digits, dashes and dots"
	Name string `json:"name"`
	// Key of the Secret that holds it: value, or else value.yaml.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^[-._a-zA-Z0-9]+$')",message="must be a key of a Secret: letters, digits, dashes, underscores and dots"
	// +optional
	Key string `json:"key,omitempty"`
}
