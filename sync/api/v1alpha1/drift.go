package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DriftStatus is what others changed of the set in flight, and what was done about it.
type DriftStatus struct {
	// Count is how many objects are not as asked at present; up to 20 of them are named in Objects.
	// +optional
	Count int `json:"count,omitempty"`
	// +optional
	Objects []DriftedObject `json:"objects,omitempty"`
	// Since is when the first of them was found.
	Since metav1.MicroTime `json:"since"`
	// Corrections in a row: each was followed by another change before long.
	// +optional
	Corrections int `json:"corrections,omitempty"`
	// CorrectedAt is when the last of them was made, or tried.
	// +optional
	CorrectedAt *metav1.MicroTime `json:"correctedAt,omitempty"`
	// RetryAt is when the next one may be made.
	// +optional
	RetryAt *metav1.MicroTime `json:"retryAt,omitempty"`
	// Problem is why the last correction failed.
	// +optional
	Problem string `json:"problem,omitempty"`
}

// DriftedObject is not as the commit in flight asks.
type DriftedObject struct {
	// Object is its kind, namespace and name.
	Object string `json:"object"`
	// Field that differs; empty if the object is missing.
	// +optional
	Field string `json:"field,omitempty"`
	// Manager is the field manager that changed it, as far as is known.
	// +optional
	Manager string `json:"manager,omitempty"`
}

// String is for messages.
func (d DriftedObject) String() string {
	if d.Field == "" {
		return d.Object + " is missing"
	}
	by := d.Manager
	if by == "" {
		by = "somebody"
	}
	return d.Object + ": " + d.Field + " was changed by " + by
}
