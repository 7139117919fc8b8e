// Package cluster starts, watches and stops one control plane with its played nodes, in a folder of its own.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is where one cluster keeps everything it has: certificates, kubeconfigs, etcd's data, logs, process files and
// Git repositories.
type Folder string

// DefaultFolder is where the cluster of this name lives if nobody says otherwise.
func DefaultFolder(name string) (Folder, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("folder of cluster %q: %w: give one by --dir", name, err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return Folder(filepath.Join(state, "devcluster", name)), nil
}

// Kubeconfig is the file that gives its reader all rights in the cluster.
func (f Folder) Kubeconfig() string { return f.path("kubeconfig") }

// Repositories is the folder of the bare Git repositories that the cluster serves.
func (f Folder) Repositories() string { return f.path("git") }

// Log is the file that a component writes its log to.
func (f Folder) Log(component string) string { return f.path("logs", component+".log") }

func (f Folder) path(parts ...string) string {
	return filepath.Join(append([]string{string(f)}, parts...)...)
}

// Info says how to reach a cluster. It stands in the folder, as cluster.json, while the cluster is up.
type Info struct {
	Name       string `json:"name"`
	Dir        string `json:"dir"`
	PID        int    `json:"pid"`
	Kubeconfig string `json:"kubeconfig"`
	Server     string `json:"server"` // URL of the API server
	GitURL     string `json:"gitURL"` // a repository is at GitURL/NAME.git
}

// Info reads how to reach the cluster; ErrDown if it is not up.
func (f Folder) Info() (Info, error) {
	var info Info
	text, err := os.ReadFile(f.path("cluster.json"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !f.locked() {
		return info, fmt.Errorf("cluster in %s: %w: start it by devcluster up", f, ErrDown)
	}
	if err != nil {
		return info, fmt.Errorf("cluster in %s: %w", f, err)
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, fmt.Errorf("%s: %w", f.path("cluster.json"), err)
	}
	return info, nil
}

func (f Folder) writeInfo(info Info) error {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	draft := f.path("cluster.json.new")
	if err := os.WriteFile(draft, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, f.path("cluster.json"))
}

// ErrDown is returned for a cluster that does not run.
var ErrDown = errors.New("it is not up")

// fresh empties what one run of a cluster leaves and the next must not see, and makes the folders. Logs are
// overwritten, Git repositories stay.
func (f Folder) fresh() error {
	for _, old := range []string{"etcd", "pki", "kubeconfig", "kubeconfigs", "cluster.json", "kwok.yaml",
		"audit.yaml", filepath.Join("logs", "audit.log")} {
		if err := os.RemoveAll(f.path(old)); err != nil {
			return err
		}
	}
	for _, folder := range []string{"etcd", "pki", "kubeconfigs", "logs", "run", "git"} {
		if err := os.MkdirAll(f.path(folder), 0o700); err != nil {
			return err
		}
	}
	return nil
}
