package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// serveGit serves the bare repositories of a folder over http, for reading and pushing, until ctx ends.
func serveGit(ctx context.Context, folder string) (url string, err error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return "", fmt.Errorf("serve Git: %w: install git", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("serve Git: %w", err)
	}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Dir: folder,
		Env: []string{
			"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1",
			"REMOTE_USER=devcluster", // whoever reaches the port may push
			"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		},
	}
	server := &http.Server{Handler: sized(backend), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) //nolint:errcheck // ends with ctx
	context.AfterFunc(ctx, func() { server.Close() })
	return "http://" + listener.Addr().String(), nil
}

// sized gives requests of unknown length one, which CGI wants: git sends packs above 1 MiB in chunks.
func sized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength >= 0 {
			next.ServeHTTP(w, r)
			return
		}
		spool, err := os.CreateTemp("", "devcluster-pack-")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInsufficientStorage)
			return
		}
		defer os.Remove(spool.Name())
		defer spool.Close()
		size, err := io.Copy(spool, r.Body)
		if err == nil {
			_, err = spool.Seek(0, io.SeekStart)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r = r.Clone(r.Context())
		r.Body, r.ContentLength, r.TransferEncoding = spool, size, nil
		next.ServeHTTP(w, r)
	})
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// CreateRepository makes an empty bare repository whose branch is main, served at GitURL/NAME.git.
func (f Folder) CreateRepository(ctx context.Context, name string) error {
	if !repositoryName.MatchString(name) {
		return fmt.Errorf("repository %q: a name has letters, digits, dots, dashes and underscores", name)
	}
	path := filepath.Join(f.Repositories(), name+".git")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("repository %q: %s exists already", name, path)
	}
	out, err := exec.CommandContext(ctx, "git", "init", "-q", "--bare", "--initial-branch=main", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("repository %q: %w: %s", name, err, out)
	}
	return nil
}
