package clustertest

import (
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/discovery"
)

// Since skips a test of something that Kubernetes does, with its default settings, only from 1.minor on: what is that.
func (c *Cluster) Since(t testing.TB, minor int, what string) {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	v, err := client.ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	here, err := strconv.Atoi(strings.TrimRight(v.Minor, "+")) // some say "34+"
	if err != nil {
		t.Fatalf("the API server's version is %s: %v", v, err)
	}
	if here < minor {
		t.Skipf("this is Kubernetes 1.%d, and %s are there from 1.%d on", here, what, minor)
	}
}
