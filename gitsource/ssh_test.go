package gitsource_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/sshtest"
)

// sshHost is an SSH server that runs git's own services, for one key.
type sshHost struct {
	address string
	key     ssh.Signer                       // the server's
	config  atomic.Pointer[ssh.ServerConfig] // of connections from now on

	acceptEnv atomic.Bool // whether the environment is let through; most servers do not
	sent      tally       // bytes of all answers
}

// tally counts what is written to it.
type tally struct{ atomic.Int64 }

func (t *tally) Write(p []byte) (int, error) { t.Add(int64(len(p))); return len(p), nil }

func serveSSH(t testing.TB, allowed ssh.PublicKey) *sshHost {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	key, _ := sshtest.NewKey(t)
	h := &sshHost{address: listener.Addr().String()}
	h.exchange(key, allowed)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go sshtest.Serve(conn, h.config.Load(), h.session)
		}
	}()
	return h
}

// exchange gives the server a key, and says which user's key it lets in.
func (h *sshHost) exchange(key ssh.Signer, allowed ssh.PublicKey) {
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions,
		error) {
		if string(offered.Marshal()) == string(allowed.Marshal()) {
			return nil, nil
		}
		return nil, net.ErrClosed
	}}
	config.AddHostKey(key)
	h.key = key
	h.config.Store(config)
}

func (h *sshHost) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	var env struct{ Name, Value string }
	for r := range requests {
		_ = r.Reply(r.Type == "exec" || r.Type == "env" && h.acceptEnv.Load() && ssh.Unmarshal(r.Payload, &env) == nil,
			nil)
		if r.Type != "exec" {
			continue
		}
		cmd := exec.Command("sh", "-c", string(r.Payload[4:]))
		cmd.Stdout, cmd.Stderr = io.MultiWriter(channel, &h.sent), channel.Stderr()
		if env.Name != "" {
			cmd.Env = append(os.Environ(), env.Name+"="+env.Value)
		}
		sshtest.Run(channel, cmd)
	}
}

func (h *sshHost) knownHosts() []byte {
	return []byte(knownhosts.Line([]string{h.address}, h.key.PublicKey()))
}

func pemOf(t testing.TB, private ed25519.PrivateKey, passphrase string) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

// A repository over ssh, with a deploy key, plain or encrypted, polled and fetched like any other.
func TestSSH(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	user, private := sshtest.NewKey(t)
	server := serveSSH(t, user.PublicKey())
	at := "ssh://git@" + server.address + w.dir
	for _, passphrase := range []string{"", "open sesame"} {
		r := open(t, at, gitsource.Auth{SSHKey: pemOf(t, private, passphrase), SSHPassphrase: passphrase,
			KnownHosts: server.knownHosts()}, gitsource.Options{})
		for i := range 2 {
			tip := w.commit("b")
			if got := head(t, r); got != tip {
				t.Fatalf("poll %d: head is %s, want %s", i, got, tip)
			}
		}
		wrong(t, r, gitsource.Ref{Branch: "nothing"}, "does not exist")
	}
	lost := open(t, at+"/nothing", gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: server.knownHosts()},
		gitsource.Options{})
	wrong(t, lost, main, "not a Git repository")
}

// The server's key is always checked: an unknown one is an error with the line to add, another one is an alarm.
func TestHostKeysAreChecked(t *testing.T) {
	t.Parallel()
	user, private := sshtest.NewKey(t)
	server := serveSSH(t, user.PublicKey())
	at := "ssh://git@" + server.address + "/x.git"
	key := pemOf(t, private, "")
	other, otherPrivate := sshtest.NewKey(t)

	elsewhere := []byte(knownhosts.Line([]string{"example.com"}, server.key.PublicKey()))
	wrong(t, open(t, at, gitsource.Auth{SSHKey: key, KnownHosts: elsewhere}, gitsource.Options{}), main,
		"is not known", ssh.FingerprintSHA256(server.key.PublicKey()), strings.TrimSpace(string(server.knownHosts())))
	changed := []byte(knownhosts.Line([]string{server.address}, other.PublicKey()))
	wrong(t, open(t, at, gitsource.Auth{SSHKey: key, KnownHosts: changed}, gitsource.Options{}), main,
		"is not the one in known_hosts", ssh.FingerprintSHA256(server.key.PublicKey()))
	wrong(t, open(t, at, gitsource.Auth{SSHKey: pemOf(t, otherPrivate, ""), KnownHosts: server.knownHosts()},
		gitsource.Options{}), main,
		"does not accept the ssh key of user git", "deploy keys")

	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	locked := pemOf(t, private, "x")
	for words, auth := range map[string]gitsource.Auth{
		"known_hosts":         {SSHKey: key},
		"private key":         {KnownHosts: server.knownHosts()},
		"give its passphrase": {SSHKey: locked, KnownHosts: server.knownHosts()},
		"cannot be read":      {SSHKey: locked, SSHPassphrase: "y", KnownHosts: server.knownHosts()},
	} {
		if _, err := store.Repository(at, auth); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
}

// A server that hangs in the handshake holds nobody: go-git's own ssh client would wait for ever.
func TestHangingSSHServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	user, private := sshtest.NewKey(t)
	known := []byte(knownhosts.Line([]string{listener.Addr().String()}, user.PublicKey()))
	auth := gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: known}
	at := "ssh://git@" + listener.Addr().String() + "/x.git"
	wrong(t, open(t, at, auth, gitsource.Options{Idle: 200 * time.Millisecond}), main, "silent for too long")
	wrong(t, open(t, at, auth, gitsource.Options{PollTimeout: 200 * time.Millisecond}), main, "longer than allowed")
}
