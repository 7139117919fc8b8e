package stages

import (
	"strings"
	"testing"
)

// KWOK 0.6, which goes with the oldest Kubernetes, knows no function for several addresses; the newest is given the file
// as it is.
func TestPodsHaveAddressesInEveryVersionOfKwok(t *testing.T) {
	text, err := files.ReadFile("pod-start.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := forKwok("v0.8.0", string(text)); got != string(text) {
		t.Errorf("KWOK 0.8 is given another text:\n%s", got)
	}
	old := forKwok("v0.6.1", string(text))
	if strings.Contains(old, "PodIPsWith") || strings.Count(old, "$ips := list (PodIPWith .spec.nodeName (or ") != 1 {
		t.Errorf("KWOK 0.6 is given functions that it does not know:\n%s", old)
	}
}
