package rollout

import (
	"time"
)

// FailingNode is a node that was sick before a commit was applied: what the pod of the template before showed there.
type FailingNode struct {
	Node string `json:"node"`
	// Cause of that pod's trouble; empty if all that is known is that it was not Ready for long.
	Cause Code `json:"cause,omitempty"`
	// Evidence tells that cause from others of the same code.
	Evidence string `json:"evidence,omitempty"`
	// Since is when the trouble began, as far as could be told.
	Since time.Time `json:"since,omitzero"`
}
