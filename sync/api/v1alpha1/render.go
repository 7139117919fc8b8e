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
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="must be a length of time such as 30s, 15m or 1h30m, 1s to 1h"
	// +optional
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// MaxMemory is how much memory one render may take, as a quantity of bytes: it has a process of its own, which ends
	// when it has taken more.
	// +kubebuilder:default="512Mi"
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self == '' || isQuantity(self) && quantity(self).compareTo(quantity('64Mi')) >= 0 && quantity(self).compareTo(quantity('1Ti')) <= 0",message="must be a quantity of bytes such as 4Mi or 500k, 64Mi to 1Ti"
	// +optional
	MaxMemory string `json:"maxMemory,omitempty"`
	// MaxFileSize is how large a file may be that is read, as a quantity of bytes.
	// +kubebuilder:default="4Mi"
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self == '' || isQuantity(self) && quantity(self).compareTo(quantity('1')) >= 0 && quantity(self).compareTo(quantity('1Ti')) <= 0",message="must be a quantity of bytes such as 4Mi or 500k, 1 to 1Ti"
	// +optional
	MaxFileSize string `json:"maxFileSize,omitempty"`
	// MaxTotalSize is how much may be read in one render, how much all aliases of its YAML may repeat, and how much may
	// be copied from object to object, as a quantity of bytes.
	// +kubebuilder:default="64Mi"
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self == '' || isQuantity(self) && quantity(self).compareTo(quantity('1')) >= 0 && quantity(self).compareTo(quantity('1Ti')) <= 0",message="must be a quantity of bytes such as 4Mi or 500k, 1 to 1Ti"
	// +optional
	MaxTotalSize string `json:"maxTotalSize,omitempty"`
	// MaxObjects is how many objects a commit may ask for.
	// +kubebuilder:default=10000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	MaxObjects int `json:"maxObjects,omitempty"`
}
