package gitsource_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// sshKinds are the kinds of keys that people have.
func sshKinds(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"ed25519": ed, "ecdsa": ec, "rsa": rs}
}

func keyFile(t testing.TB, key crypto.Signer, passphrase string) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func public(t testing.TB, key crypto.Signer) ssh.PublicKey {
	t.Helper()
	p, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startSSHD runs OpenSSH's own server, as whoever runs the test, with one host key of each kind; the keys given are let
// in.
func startSSHD(t testing.TB, hosts, users map[string]crypto.Signer) (address string) {
	t.Helper()
	path, err := exec.LookPath("sshd")
	if err != nil {
		path = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("OpenSSH's server is missing: .ci/run installs openssh-server")
		}
		t.Skip("needs OpenSSH's server: install openssh-server")
	}
	if os.Getuid() == 0 { // where it shuts its children in; Debian's service makes it
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	address = clustertest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	config := fmt.Sprintf("ListenAddress 127.0.0.1\nPort %s\nPidFile none\nUsePAM no\nStrictModes "+
		"no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nAuthorizedKeysFile %s/authorized_keys\n",
		port, dir)
	for kind, key := range hosts {
		writeFile(t, filepath.Join(dir, kind), keyFile(t, key, ""))
		config += "HostKey " + filepath.Join(dir, kind) + "\n"
	}
	var allowed []byte
	for _, key := range users {
		allowed = append(allowed, ssh.MarshalAuthorizedKey(public(t, key))...)
	}
	writeFile(t, filepath.Join(dir, "authorized_keys"), allowed)
	writeFile(t, filepath.Join(dir, "config"), []byte(config))
	said := &strings.Builder{}
	cmd := exec.Command(path, "-D", "-e", "-f", filepath.Join(dir, "config"))
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		select {
		case <-ended:
			t.Fatalf("sshd ended: %s", said)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("sshd does not listen")
		}
	}
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// OpenSSH's server lets every kind of deploy key in, plain and with a passphrase, and each of its own kinds of key is
// checked.
func TestOpenSSHServer(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	hosts, users := sshKinds(t), sshKinds(t)
	address := startSSHD(t, hosts, users)
	w := newWork(t)
	w.commit("a")
	w.git("config", "--local", "core.pager", "cat")
	at := "ssh://" + me.Username + "@" + address + w.dir
	for kind, key := range users {
		known := []byte(knownhosts.Line([]string{address}, public(t, hosts[kind])))
		for _, passphrase := range []string{"", "open sesame"} {
			tip := w.commit(kind)
			auth := gitsource.Auth{SSHKey: keyFile(t, key, passphrase), SSHPassphrase: passphrase, KnownHosts: known}
			if got := head(t, open(t, at, auth, gitsource.Options{})); got != tip {
				t.Errorf("%s: head is %s, want %s", kind, got, tip)
			}
		}
	}
	known := []byte(knownhosts.Line([]string{address}, public(t, hosts["ed25519"])))
	stranger := sshKinds(t)["ed25519"]
	err = wrong(t, open(t, at, gitsource.Auth{SSHKey: keyFile(t, stranger, "s3cr3t phrase"),
		SSHPassphrase: "s3cr3t phrase", KnownHosts: known},
		gitsource.Options{}), main, "does not accept the ssh key of user "+me.Username, "deploy keys")
	hidden(t, "a key that is not let in", err.Error())
	wrong(t, open(t, at, gitsource.Auth{SSHKey: keyFile(t, users["rsa"], ""), KnownHosts: []byte("other.example.com " +
		strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public(t, hosts["rsa"])))))}, gitsource.Options{}), main,
		"is not known", "SHA256:", "add to known_hosts")
}
