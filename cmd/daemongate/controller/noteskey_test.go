package controller

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Keys by which notes are signed are read from files, in their order. What is no key, or one that needs a passphrase, is
// refused with its file and what to do, and nothing of it is shown.
func TestKeysOfNotesAreReadFromFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, content, 0o600))
		return path
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	plain, err := ssh.MarshalPrivateKey(private, "canary-1")
	check(t, err)
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "canary-1", []byte("p4ss"))
	check(t, err)
	good := file("good", pem.EncodeToMemory(plain))
	keys, err := keyFiles{good, good}.read()
	check(t, err)
	want, err := ssh.NewPublicKey(public)
	check(t, err)
	if len(keys) != 2 || string(keys[0].PublicKey().Marshal()) != string(want.Marshal()) {
		t.Errorf("the keys are %v", keys)
	}
	for path, says := range map[string]string{file("locked", pem.EncodeToMemory(locked)): "without", file("text", []byte("s3cret")): "ssh-keygen",
		filepath.Join(dir, "none"): "no such file"} {
		_, err := keyFiles{good, path}.read()
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
