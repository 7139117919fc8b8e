package cluster

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// sleeper is a process of ours that would run for long.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

func newFolder(t *testing.T) Folder {
	t.Helper()
	folder := Folder(t.TempDir())
	if err := folder.fresh(); err != nil {
		t.Fatal(err)
	}
	return folder
}

// What a run left behind is ended by the next, and its process file goes.
func TestSweepEndsWhatWasLeftBehind(t *testing.T) {
	folder, left := newFolder(t), sleeper(t)
	if err := folder.remember("etcd", left.Process.Pid); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }() // a zombie has ended too, but somebody has to bury it
	if err := folder.sweep(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the process ended by itself")
	}
	if _, err := os.Stat(folder.path("run", "etcd.json")); !os.IsNotExist(err) {
		t.Errorf("the process file is still there: %v", err)
	}
}

// A process that got the id of an old one is somebody else's and lives on.
func TestSweepSparesAProcessWithARecycledID(t *testing.T) {
	folder, stranger := newFolder(t), sleeper(t)
	old, err := json.Marshal(remembered{PID: stranger.Process.Pid, Birth: "another boot/4711"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder.path("run", "etcd.json"), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := folder.sweep(); err != nil {
		t.Fatal(err)
	}
	if birth(stranger.Process.Pid) == "" {
		t.Error("a stranger was killed")
	}
}

// Two clusters that start at once never get the same port.
func TestPortsAreHandedOutOnce(t *testing.T) {
	var a, b ports
	defer a.close()
	defer b.close()
	seen := map[int]bool{}
	for range 50 {
		for _, p := range []*ports{&a, &b} {
			port, err := p.next()
			if err != nil {
				t.Fatal(err)
			}
			if seen[port] {
				t.Fatalf("port %d was handed out twice", port)
			}
			seen[port] = true
		}
	}
}

// One folder, one cluster.
func TestFolderHasOneMaster(t *testing.T) {
	folder := newFolder(t)
	lock, err := folder.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.lock(); err == nil || !folder.locked() {
		t.Errorf("a second lock: %v", err)
	}
	lock.Close()
	if folder.locked() {
		t.Error("locked without a master")
	}
}
