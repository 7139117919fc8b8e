package v1alpha1

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FailedCommit could not be rendered, or was refused; nothing of it was written.
type FailedCommit struct {
	Commit string `json:"commit"`
	// Generation of the spec it failed for.
	Generation int64 `json:"generation"`
	// +optional
	Message string `json:"message,omitempty"`
	// Unverified is set if its signature does not count: it is tried again when that does.
	// +optional
	Unverified bool `json:"unverified,omitempty"`
	// Attempts that failed.
	Attempts int `json:"attempts"`
	// RetryAt is when it is tried again; not by time alone if empty.
	// +optional
	RetryAt *metav1.MicroTime `json:"retryAt,omitempty"`
}

// MaxHistory is how many commits the status remembers.
const MaxHistory = 20

// Record is a line of the history.
type Record struct {
	Commit string `json:"commit"`
	// +optional
	Subject string `json:"subject,omitempty"`
	// Author is who wrote the commit, as the commit itself says.
	// +optional
	Author string           `json:"author,omitempty"`
	State  CommitState      `json:"state"`
	Since  metav1.MicroTime `json:"since"`
	// First is when the commit reached its first state.
	First metav1.MicroTime `json:"first"`
	// By is the commit whose state this one takes over.
	// +optional
	By string `json:"by,omitempty"`
	// Outcome is By's state.
	// +optional
	Outcome CommitState `json:"outcome,omitempty"`
	// Relapsed is set if its agents keep ending although it, or By, is Complete.
	// +optional
	Relapsed bool `json:"relapsed,omitempty"`
	// Override let the commit start outside the windows.
	// +optional
	Override *Override `json:"override,omitempty"`
	// Message of its state.
	Message `json:",inline"`
}

// Text is the message of a record, with the override that let its commit start.
func (r *Record) Text() string {
	if r.Override == nil {
		return r.Private
	}
	return strings.TrimSuffix(r.Override.Text()+". "+r.Private, ". ")
}
