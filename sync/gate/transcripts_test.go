package gate_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/sync/gate/gatetest"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// Each transcript is a story of pushes and verdicts; what the gate did stands indented below each line.
// Run with -update to rewrite them, and review the diff.
func TestGateTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := gatetest.NewStage(t).Play(string(script))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(script) {
				t.Errorf("%s differs; got:\n%s", file, got)
			}
		})
	}
}
