package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A check for vulnerabilities that could not look says so and why, and is no success: where there is no database, where
// one is named that is not there, and where none can be downloaded.
func TestACheckForVulnerabilitiesThatCannotLookSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		want []string
	}{
		"a folder that is not there": {[]string{"VULNDB=file:///nowhere/osv"}, []string{"no folder /nowhere/osv"}},
		"no download": {[]string{"VULNDB=", "GOPROXY=off", "GOMODCACHE=" + t.TempDir()}, []string{"cannot be downloaded",
			"GOPROXY=off", "VULNDB", "data/osv"}},
		"a tool that cannot be had": {[]string{"VULNDB=file://" + t.TempDir(), "GOPROXY=off", "GOFLAGS=-mod=mod",
			"GOMODCACHE=" + t.TempDir()}, []string{"cannot be built"}},
	} {
		run := exec.CommandContext(t.Context(), "../../.ci/vuln", "v1.9.0")
		run.Env = append(os.Environ(), c.env...)
		out, err := run.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%s: it ended with %v, want status 2\n%s", name, err, out)
		}
		for _, words := range append(c.want, "NOT CHECKED") {
			if !strings.Contains(string(out), words) {
				t.Errorf("%s: it does not say %q:\n%s", name, words, out)
			}
		}
	}
}
