// Package sshtest is what the SSH servers of tests have in common: sessions that run commands, and keys.
package sshtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"os/exec"
	"testing"

	"golang.org/x/crypto/ssh"
)

// NewKey makes a key of a user or of a host.
func NewKey(t testing.TB) (ssh.Signer, ed25519.PrivateKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, private
}

// Serve answers a connection until it ends, and has each of its sessions handled.
func Serve(conn net.Conn, config *ssh.ServerConfig, handle func(ssh.Channel, <-chan *ssh.Request)) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go handle(channel, requests)
	}
}

// Run has a command, whose output goes where it was told to, read what the client sends, and ends the session with it.
func Run(channel ssh.Channel, command *exec.Cmd) {
	defer channel.Close()
	in, err := command.StdinPipe() // not Stdin: the command may end before the client says that it sends no more
	if err == nil && command.Start() == nil {
		go func() { _, _ = io.Copy(in, channel); _ = in.Close() }()
		_ = command.Wait()
	}
	_, _ = channel.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
}
