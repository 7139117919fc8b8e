package main

import (
	"crypto/ed25519"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// startAgent serves an ssh agent that holds one key, and has the environment name it.
func startAgent(t *testing.T, key string) {
	t.Helper()
	parsed, err := ssh.ParseRawPrivateKey([]byte(key))
	check(t, err)
	keyring := sshagent.NewKeyring()
	check(t, keyring.Add(sshagent.AddedKey{PrivateKey: parsed.(*ed25519.PrivateKey)}))
	folder, err := os.MkdirTemp("", "agent") // a test's own folder may be too long for a socket
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := filepath.Join(folder, "s")
	listener, err := net.Listen("unix", socket)
	check(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = sshagent.ServeAgent(keyring, c); _ = c.Close() }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
}

// fleetBySSH serves the repository of fleet by ssh.
func fleetBySSH(t *testing.T) (url string, server *gittest.SSH, address string) {
	t.Helper()
	dir, _, _ := fleet(t)
	server = gittest.ServeSSH(t, filepath.Dir(dir))
	address = server.Listen(t)
	return "ssh://git@" + address + "/" + filepath.Base(dir), server, address
}

// An ssh URL is read with the keys of the agent and the host keys of the user, as git reads it.
func TestRenderOverSSHWithTheAgent(t *testing.T) {
	url, server, address := fleetBySSH(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	gittest.Write(t, filepath.Join(home, ".ssh", "known_hosts"), server.Known(address)+"\n")
	startAgent(t, server.Key)
	if r := renderCommand(t, url, "--path", "prod"); r.code != 0 || !strings.Contains(r.stdout, "agent:v2") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// Key and host keys can be named instead, and a commit by its first digits or by steps back.
func TestRenderOverSSHWithFiles(t *testing.T) {
	url, server, address := fleetBySSH(t)
	files := t.TempDir()
	t.Setenv("HOME", files)
	t.Setenv("SSH_AUTH_SOCK", "")
	key, hosts := filepath.Join(files, "key"), filepath.Join(files, "hosts")
	gittest.Write(t, key, server.Key)
	gittest.Write(t, hosts, server.Known(address)+"\n")
	r := renderCommand(t, url, "--path", "prod", "--ssh-key", key, "--known-hosts", hosts, "--commit", "HEAD~1")
	if r.code != 0 || !strings.Contains(r.stdout, "agent:v1") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	gittest.Write(t, filepath.Join(files, ".ssh", "id_ed25519"), server.Key)
	if r := renderCommand(t, url, "--path", "prod", "--known-hosts", hosts); r.code != 0 {
		t.Errorf("the user's own key: exit code %d: %s", r.code, r.stderr)
	}
}

// Who lacks something is told what, and which flag gives it.
func TestRenderOverSSHSaysWhatIsMissing(t *testing.T) {
	url, server, address := fleetBySSH(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	hosts, other := filepath.Join(home, "hosts"), filepath.Join(home, "other")
	gittest.Write(t, hosts, server.Known(address)+"\n")
	_, key := gittest.NewSSHKey(t)
	gittest.Write(t, other, key)
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no host key":     {nil, "--known-hosts"},
		"no key":          {[]string{"--known-hosts", hosts}, "--ssh-key"},
		"a refused key":   {[]string{"--known-hosts", hosts, "--ssh-key", other}, "deploy keys"},
		"a missing file":  {[]string{"--known-hosts", hosts, "--ssh-key", filepath.Join(home, "nothing")}, "--ssh-key"},
		"a token for ssh": {[]string{"--token-file", other}, "is for https URLs"},
	} {
		if r := renderCommand(t, append([]string{url}, c.args...)...); r.code != 1 ||
			!strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.stderr)
		}
	}
	if r := renderCommand(t, "https://git.invalid/x.git", "--ssh-key", other); r.code != 1 ||
		!strings.Contains(r.stderr, "--token-file") {
		t.Errorf("a key for https: exit code %d: %s", r.code, r.stderr)
	}
}

// A token comes from a file or from stdin, goes with the request, and stands in no output.
func TestRenderOverHTTPSWithAToken(t *testing.T) {
	dir, _, _ := fleet(t)
	url := gittest.ServeHTTP(t, filepath.Dir(dir), "t0ken", func() {}) + "/" + filepath.Base(dir)
	file, wrong := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "wrong")
	gittest.Write(t, file, "t0ken\n")
	gittest.Write(t, wrong, "hunter2\n")
	if r := renderCommand(t, url, "--path", "prod", "--token-file", file); r.code != 0 ||
		strings.Contains(r.stdout+r.stderr, "t0ken") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	args := []string{"render", "--data-dir", t.TempDir(), url, "--path", "prod", "--token-file", "-"}
	if r := daemongate(t, "t0ken\n", args...); r.code != 0 {
		t.Errorf("from stdin: exit code %d: %s", r.code, r.stderr)
	}
	if r := renderCommand(t, url, "--token-file", wrong); r.code != 1 || strings.Contains(r.stderr, "hunter2") {
		t.Errorf("a wrong token: exit code %d: %s", r.code, r.stderr)
	}
	if r := renderCommand(t, url, "--token-file", filepath.Join(dir, "prod", "kustomization.yaml")); r.code != 1 ||
		!strings.Contains(r.stderr, "one line") {
		t.Errorf("a file of another kind: exit code %d: %s", r.code, r.stderr)
	}
}
