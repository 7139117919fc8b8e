package controller

import (
	"os"
	"path/filepath"
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
