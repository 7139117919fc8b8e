package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AilingStatus says what is no longer well of what a completed commit wrote.
type AilingStatus struct {
	// Since is when that was first seen of what has not been well for the longest.
	Since metav1.MicroTime `json:"since"`
	// Lasts is set once that has lasted for a minute.
	// +optional
	Lasts bool `json:"lasts,omitempty"`
	// Count is how many objects are concerned; up to 20 of them are named in Objects, the longest first.
	Count int `json:"count"`
	// +optional
	Objects []AilingObject `json:"objects,omitempty"`
}

// Lasting reports whether something has not been well for so long that it is said. Nothing is, of nil.
func (a *AilingStatus) Lasting() bool { return a != nil && a.Lasts }

// AilingObject is an object that is not well.
type AilingObject struct {
	// Object is its kind, namespace and name.
	Object  string `json:"object"`
	Message string `json:"message"`
	// Since is when it was first seen not to be.
	// +optional
	Since metav1.MicroTime `json:"since,omitempty"`
}
