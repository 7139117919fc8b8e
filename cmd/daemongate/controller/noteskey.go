package controller

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
)

// keyFiles are files with SSH private keys. They are read before each use, so that they can be exchanged.
type keyFiles []string

// read reads the keys. No error has anything of what is in a file.
func (f keyFiles) read() ([]ssh.Signer, error) {
	var keys []ssh.Signer
	for _, path := range f {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--notes-key: %w", err)
		}
		key, err := ssh.ParsePrivateKey(text)
		var locked *ssh.PassphraseMissingError
		switch {
		case errors.As(err, &locked):
			return nil, fmt.Errorf("--notes-key: %s is protected by a passphrase, which nobody could type here: give "+
				"one without (ssh-keygen -t ed25519 -N '' -f FILE)", path)
		case err != nil:
			return nil, fmt.Errorf("--notes-key: %s holds no SSH private key: make one by ssh-keygen -t ed25519 -N '' "+
				"-f FILE", path)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
