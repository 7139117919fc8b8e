package controller

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/sync/lease"
)

// A data folder that somebody else has put there, or of which a part belongs to somebody else, is refused before
// anything of it is read. One of the administrator's, as a pod is given, is used.
func TestADataFolderOfAnotherUserIsRefused(t *testing.T) {
	dir, me := t.TempDir(), os.Geteuid()
	check(t, ownFolder(dir, me))
	check(t, ownFolder(filepath.Join(dir, "not-yet"), me))
	if me != 0 { // what is ours is nobody's but ours and root's
		if err := ownFolder(dir, me+1); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("taken as user %d: %v", me+1, err)
		}
		check(t, ownFolder("/", me))
		return
	}
	for _, part := range []string{"", "mirrors", "notes"} {
		dir := t.TempDir()
		check(t, os.MkdirAll(filepath.Join(dir, part), 0o755))
		check(t, ownFolder(dir, me))
		check(t, os.Lchown(filepath.Join(dir, part), 12345, 12345))
		_, err := New(&rest.Config{Host: "https://127.0.0.1:1"}, Options{DataDir: dir, Log: quiet(),
			Lease: lease.Options{Namespace: "a", Name: "b", Duration: 15 * time.Second, Tell: func(string) {}}})
		if err == nil || !strings.Contains(err.Error(), "another user (number 12345)") {
			t.Errorf("one whose %q is another's was taken: %v", part, err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	check(t, os.Symlink(t.TempDir(), link))
	check(t, ownFolder(link, me))
	check(t, os.Lchown(link, 12345, 12345))
	if err := ownFolder(link, me); err == nil {
		t.Error("a link of another user was followed")
	}
}

// A data folder in which nothing can be written ends the process with a message before anything else, and readiness says
// so later, by a look now and then.
func TestWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(&rest.Config{Host: "http://127.0.0.1:1"}, Options{DataDir: filepath.Join(file, "data")})
	if err == nil || !strings.Contains(err.Error(), "data folder "+file) && !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("it starts where nothing can be written: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	f, now := &folder{dir: dir}, time.Now()
	if err := f.trouble(now); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("the probe leaves %v", left)
	}
	if err := errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := f.trouble(now.Add(folderPause / 2)); err != nil {
		t.Errorf("looked at again at once: %v", err)
	}
	if err := f.trouble(now.Add(folderPause)); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("not noticed: %v", err)
	}
}

// With the format json every line for people is an object with its time, also those of one write with several.
func TestLinesForPeopleAsJSON(t *testing.T) {
	var out strings.Builder
	lines := NewLines(&out, "json")
	_, _ = io.WriteString(lines, "14:01:02  platform/agents  1234567  Stuck  \"CrashLoop\"\n          → fix it\n\n")
	var said []string
	for line := range strings.Lines(out.String()) {
		var one struct{ Msg, Time string }
		if err := json.Unmarshal([]byte(line), &one); err != nil || one.Time == "" {
			t.Errorf("%q: %v", line, err)
		}
		said = append(said, one.Msg)
	}
	if !slices.Equal(said, []string{`platform/agents  1234567  Stuck  "CrashLoop"`, "→ fix it"}) {
		t.Errorf("%q", said)
	}
	if _, plain := NewLines(&out, "text").(jsonLines); plain {
		t.Error("text is not left alone")
	}
}
