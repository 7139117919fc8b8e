package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Render is what rendering a commit may do and cost.
type Render struct {
	// AllowRemoteBases lets a kustomization name folders of other repositories, each pinned to a full commit.
	// +optional
	AllowRemoteBases bool `json:"allowRemoteBases,omitempty"`
	// Strict fails a commit of which kustomize would drop something without a word: the value of a patch, or a
	// reference to an object that it renamed. Otherwise that is warned of.
	// +optional
	Strict bool `json:"strict,omitempty"`
	// Timeout of one render.
	// +kubebuilder:default="2m"
	// +optional
	Timeout metav1.Duration `json:"timeout,omitempty"`
	// MaxMemory is how much memory one render may take, as a quantity of bytes: it has a process of its own, which ends
	// when it has taken more.
	// +kubebuilder:default="512Mi"
	// +optional
	MaxMemory string `json:"maxMemory,omitempty"`
	// MaxFileSize is how large a file may be that is read, as a quantity of bytes.
	// +kubebuilder:default="4Mi"
	// +optional
	MaxFileSize string `json:"maxFileSize,omitempty"`
	// MaxTotalSize is how much may be read in one render, how much all aliases of its YAML may repeat, and how much may
	// be copied from object to object, as a quantity of bytes.
	// +kubebuilder:default="64Mi"
	// +optional
	MaxTotalSize string `json:"maxTotalSize,omitempty"`
	// MaxObjects is how many objects a commit may ask for.
	// +kubebuilder:default=10000
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxObjects int `json:"maxObjects,omitempty"`
}
