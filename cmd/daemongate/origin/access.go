package origin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// access is how a command identifies to the server of a repository that somebody names on the command line. Nothing
// secret stands there itself: command lines are seen by others, and kept by shells.
type access struct {
	sshKey, knownHosts, tokenFile string
}

func (a *access) flags(f *pflag.FlagSet) {
	f.StringVar(&a.sshKey, "ssh-key", "", "file with the private key for an ssh URL (default: the keys of the ssh "+
		"agent, else ~/.ssh/id_ed25519, id_ecdsa or id_rsa)")
	f.StringVar(&a.knownHosts, "known-hosts", "", "file with the host keys of ssh servers (default: "+
		"~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts)")
	f.StringVar(&a.tokenFile, "token-file", "", "file with an access token for an https URL, - for stdin")
}

// auth are the credentials for a URL. No error holds any.
func (from *Origin) auth(url string) (gitsource.Auth, error) {
	a := &from.access
	at, _, err := remote.ParseAddress(url, gitsource.Auth{})
	if err != nil {
		return gitsource.Auth{}, err
	}
	if at.Scheme == "ssh" {
		if a.tokenFile != "" {
			return gitsource.Auth{}, fmt.Errorf("--token-file: is for https URLs, and %s is reached by ssh: give "+
				"--ssh-key", at)
		}
		return a.ssh(at)
	}
	if a.sshKey != "" || a.knownHosts != "" {
		return gitsource.Auth{}, fmt.Errorf("--ssh-key and --known-hosts: are for ssh URLs, and %s is none: give "+
			"--token-file", at)
	}
	if a.tokenFile == "" {
		return gitsource.Auth{}, nil
	}
	token, err := a.token(from.Stdin)
	return gitsource.Auth{Token: token}, err
}

// token reads the token's file.
func (a *access) token(stdin io.Reader) (string, error) {
	text, err := readFileOr(a.tokenFile, stdin)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", fmt.Errorf("--token-file: %s: expected one line with the token", a.tokenFile)
	}
	return token, nil
}

func readFileOr(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, 1<<16))
	}
	return os.ReadFile(name)
}

// ssh are the credentials for an ssh URL, found where OpenSSH looks for them.
func (a *access) ssh(at remote.Address) (auth gitsource.Auth, err error) {
	if auth.KnownHosts, err = a.hosts(at); err != nil {
		return auth, err
	}
	if a.sshKey != "" {
		if auth.SSHKey, err = os.ReadFile(a.sshKey); err != nil {
			return auth, fmt.Errorf("--ssh-key: %w", err)
		}
		return auth, nil
	}
	if auth.SSHAgent = os.Getenv("SSH_AUTH_SOCK"); auth.SSHAgent != "" {
		return auth, nil
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		if auth.SSHKey, err = os.ReadFile(inHome(".ssh", name)); err == nil {
			return auth, nil
		}
	}
	return auth, fmt.Errorf("%s: no ssh key: start an agent that has one (ssh-agent, ssh-add), or give --ssh-key", at)
}

// hosts are the known_hosts lines.
func (a *access) hosts(at remote.Address) ([]byte, error) {
	if a.knownHosts != "" {
		lines, err := os.ReadFile(a.knownHosts)
		if err != nil {
			return nil, fmt.Errorf("--known-hosts: %w", err)
		}
		return lines, nil
	}
	var all [][]byte
	for _, name := range []string{inHome(".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"} {
		lines, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		all = append(all, lines)
	}
	lines := bytes.Join(all, []byte("\n"))
	if len(bytes.TrimSpace(lines)) == 0 {
		return nil, fmt.Errorf("%s: no host key is known: connect once with ssh and check the key, or give "+
			"--known-hosts with lines as ssh-keyscan prints them", at)
	}
	return lines, nil
}

// inHome is a path in the user's home; one that does not exist without a home.
func inHome(names ...string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{home}, names...)...)
}
