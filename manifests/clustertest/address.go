package clustertest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports from which FreeAddress chooses: below those that the kernel gives to whoever names none, of which the tests
// that run beside this one take hundreds a second.
const (
	firstPort = 20_000
	manyPorts = 10_000
)

// FreeAddress is an address of this machine on which nobody listens, for a server that wants to be told one.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(manyPorts)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("every port that was tried is taken")
	return ""
}
