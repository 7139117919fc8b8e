package forge_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// A push that is cut off while git holds the ref's lock leaves no lock behind: the next one goes through.
func TestPushThatIsCutOffLeavesNoLock(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	locked := filepath.Join(t.TempDir(), "locked")
	hook := filepath.Join(r.dir, ".git", "hooks", "reference-transaction")
	script := "#!/bin/sh\nif [ \"$1\" = prepared ]; then touch '" + locked + "'; sleep 300 >/dev/null 2>&1; fi\n"
	if err := os.WriteFile(hook, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- notes(r).Report(ctx, []forge.Status{status(commits[0], "daemongate/test", forge.Pending,
			"Applying")}).Err()
	}()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(locked); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the push does not begin")
		}
	}
	cancel()
	if err := <-ended; err == nil {
		t.Fatal("the push was not cut off")
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	report(t, notes(r), status(commits[0], "daemongate/test", forge.Success, "Complete"))
	if left, _ := filepath.Glob(filepath.Join(r.dir, ".git", "refs", "notes", "*.lock")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
