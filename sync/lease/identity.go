package lease

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
)

// newIdentity names this process as no other one is named: the pod's or machine's name and the process' number are for
// people, and not enough. In every container the number is 1, and two pods in their node's network have its name.
func newIdentity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s_%d_%s", host, os.Getpid(), rand.Text()[:8])
}

// describe names a holder for people.
func describe(identity string) string {
	parts := strings.Split(identity, "_")
	if len(parts) < 3 {
		return identity
	}
	host, process := strings.Join(parts[:len(parts)-2], "_"), parts[len(parts)-2]
	return fmt.Sprintf("process %s on %s", process, host)
}
