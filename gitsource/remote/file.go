package remote

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
)

// fileSession runs the git program on a repository of this machine: go-git's own server for that knows neither
// alternates nor every format that git writes.
func (r *Remote) fileSession(ctx context.Context, service, version string) (*stream, error) {
	if _, err := os.Stat(r.address.Path); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "git", strings.TrimPrefix(service, "git-"), r.address.Path)
	cmd.Env = append(CleanEnv(os.Environ()), "GIT_PROTOCOL="+version)
	// Asked to end, git takes the locks of its refs with it; killed, it would leave them for ever.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second // then it is killed; a grandchild may hold the pipes open
	s := &stream{ctx: ctx, said: new(complaint), reading: service == transport.UploadPackServiceName}
	cmd.Stderr = s.said
	var err error
	if s.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if s.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); errors.Is(err, exec.ErrNotFound) {
		return nil, ErrNoGit
	} else if err != nil {
		return nil, err
	}
	s.hangUp = func() error {
		_ = cmd.Cancel() // what it has said was read, or is not wanted
		_ = cmd.Wait()   // nor is its exit code: the protocol says how it went
		return nil
	}
	return s, nil
}

// CleanEnv drops what git's environment says of another repository, as when Daemongate is started from a hook.
func CleanEnv(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
			"GIT_PROTOCOL", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE",
			"GIT_QUARANTINE_PATH":
			return true
		}
		return false
	})
}
