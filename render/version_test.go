package render

import (
	"os"
	"regexp"
	"testing"
)

// Whoever takes another version of the library in is told to look up which kustomize it belongs to: the library does
// not know, and buildMetadata's managedByLabel says it.
func TestKustomizeReleaseIsTheOneOfTheLibrary(t *testing.T) {
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, library := range []string{"api", "kyaml"} {
		found := regexp.MustCompile(`(?m)^\s*(?:require )?sigs\.k8s\.io/kustomize/` + library +
			` (\S+)`).FindSubmatch(module)
		if found == nil || string(found[1]) != kustomizeLibrary {
			t.Errorf("go.mod requires sigs.k8s.io/kustomize/%s %s, and version.go is about %s: find the release of "+
				"sigs.k8s.io/kustomize/kustomize/v5 whose go.mod requires this library, and write both versions there",
				library, found, kustomizeLibrary)
		}
	}
	if !regexp.MustCompile(`^v5\.\d+\.\d+$`).MatchString(kustomizeRelease) {
		t.Errorf("%s is no release", kustomizeRelease)
	}
}
