package rollout

import (
	"time"
)

// Clock is how far a node's clock is off the API server's.
type Clock struct {
	Node string
	// Ahead of the API server's; behind if negative. Right to about a second: the API server writes whole ones.
	Ahead time.Duration
	// Unknown says why it could not be told; "" if it could.
	Unknown string
}
