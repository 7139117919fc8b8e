package rollout

import (
	"time"
)

// Killed is what the kubelet is known to have ended a pod's container for.
type Killed struct {
	By string `json:"by"`
	// At is when that was last evidenced, and Code the exit code that the container had then.
	At   time.Time `json:"at"`
	Code int32     `json:"code,omitempty"`
}
