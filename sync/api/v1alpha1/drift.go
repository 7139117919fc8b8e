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
	// PendingAt is when a correction was decided on whose outcome is not known yet. After a crash it is looked for
	// first.
	// +optional
	PendingAt *metav1.MicroTime `json:"pendingAt,omitempty"`
	// RetryAt is when the next of Objects may be corrected, if none may now.
	// +optional
	RetryAt *metav1.MicroTime `json:"retryAt,omitempty"`
	// Problem is why the last correction failed.
	// +optional
	Problem string `json:"problem,omitempty"`
	// Pauses are the fields that were corrected lately, up to 20 of them: each has a pause of its own. What does not
	// fit shares one more, which names nothing.
	// +optional
	Pauses []DriftPause `json:"pauses,omitempty"`
}

// DriftPause says how long one field that one manager keeps changing is left alone, or an object that keeps being
// deleted.
type DriftPause struct {
	// +optional
	Object string `json:"object,omitempty"`
	// Field is empty if the object was missing.
	// +optional
	Field string `json:"field,omitempty"`
	// +optional
	Manager string `json:"manager,omitempty"`
	// Since is when the first correction in a row was made.
	Since metav1.MicroTime `json:"since"`
	// Corrections in a row, and when the last of them was made.
	Corrections int              `json:"corrections"`
	CorrectedAt metav1.MicroTime `json:"correctedAt"`
	// RetryAt is when the field may be corrected again.
	RetryAt metav1.MicroTime `json:"retryAt"`
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
	// Problem is why the object could not be corrected.
	// +optional
	Problem string `json:"problem,omitempty"`
}

// String is for messages.
func (d DriftedObject) String() string {
	if d.Field == "" {
		return d.Object + " is missing"
	}
	if d.Manager == "" {
		return d.Object + ": " + d.Field + " was changed; by whom is not on record"
	}
	return d.Object + ": " + d.Field + " was changed by " + d.Manager
}
