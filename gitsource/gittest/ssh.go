package gittest

import (
	"encoding/pem"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/daemongate/daemongate/gitsource/sshtest"
)

// SSH is an SSH server that lets one key read the repositories in a folder, and a SOCKS5 proxy by which every host's
// port 22 leads to it: an address without a scheme has no place for another port.
type SSH struct {
	dir     string
	Proxy   string
	Key     string // the private one that is let in, in OpenSSH's format
	allowed atomic.Value
	host    ssh.Signer
	config  *ssh.ServerConfig
	Offered atomic.Int64 // how often a key was offered
}

// ServeSSH serves the repositories in a folder until the test ends.
func ServeSSH(t testing.TB, dir string) *SSH {
	t.Helper()
	host, _ := NewSSHKey(t)
	s := &SSH{dir: dir, host: host}
	s.Key = s.Exchange(t)
	s.config = &ssh.ServerConfig{}
	s.config.PublicKeyCallback = func(_ ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
		if s.Offered.Add(1); string(offered.Marshal()) == s.allowed.Load() {
			return nil, nil
		}
		return nil, io.EOF
	}
	s.config.AddHostKey(host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s.Proxy = "socks5://" + listener.Addr().String()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

// Exchange lets another key in, which it returns, in the place of the one before.
func (s *SSH) Exchange(t testing.TB) (key string) {
	t.Helper()
	user, key := NewSSHKey(t)
	s.allowed.Store(string(user.PublicKey().Marshal()))
	return key
}

// NewSSHKey makes a key of a user or of a host, and returns it also in OpenSSH's format.
func NewSSHKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	signer, key := sshtest.NewKey(t)
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

// Known are the lines of known_hosts for hosts that are all this one.
func (s *SSH) Known(hosts ...string) string { return knownhosts.Line(hosts, s.host.PublicKey()) }

// Listen has the server answer at an address of its own, without a proxy.
func (s *SSH) Listen(t testing.TB) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go sshtest.Serve(c, s.config, s.run)
		}
	}()
	return listener.Addr().String()
}

// serve is asked as a proxy (RFC 1928) and answers as the host.
func (s *SSH) serve(c net.Conn) {
	b := make([]byte, 300)
	_, _ = io.ReadFull(c, b[:2])
	_, _ = io.ReadFull(c, b[:b[1]])
	_, _ = c.Write([]byte{5, 0})
	_, _ = io.ReadFull(c, b[:5])
	_, _ = io.ReadFull(c, b[:int(b[4])+2])
	_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	sshtest.Serve(c, s.config, s.run)
}

func (s *SSH) run(channel ssh.Channel, requests <-chan *ssh.Request) {
	for r := range requests {
		_ = r.Reply(r.Type == "exec", nil)
		if r.Type != "exec" {
			continue
		}
		service, path, _ := strings.Cut(string(r.Payload[4:]), " ")
		c := exec.Command(service, s.dir+strings.Trim(path, "'"))
		c.Stdout = channel
		sshtest.Run(channel, c)
	}
}
