package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// hostile is a Git server, an API of statuses and GitHub's API for Apps at once. The first part of a path says how it
// fails; and it repeats the credentials that it is shown, in every way that it can.
type hostile struct {
	*httptest.Server
	vault *vault

	mu   gosync.Mutex
	told bytes.Buffer // what it was sent besides credentials
}

func startHostile(t *testing.T, v *vault, start func(http.Handler) *httptest.Server) *hostile {
	t.Helper()
	h := &hostile{vault: v}
	h.Server = start(h)
	t.Cleanup(func() { h.CloseClientConnections(); h.Close() })
	return h
}

// ServeHTTP fails in the way that the path names.
func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // who is cut off has sent enough
	h.note(r, body)
	way, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.URL.IsAbs() { // as to a proxy
		way = "407"
	}
	echo := gittest.EchoOf(r)
	w.Header().Set("WWW-Authenticate", `Basic realm="`+strings.ReplaceAll(echo, `"`, "'")+`"`)
	w.Header().Set("X-Echo", echo)
	switch code, _ := strconv.Atoi(way); {
	case strings.HasSuffix(r.URL.Path, "/access_tokens") && way == "gives":
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"token": h.vault.hide("an App's token"),
			"expires_at": time.Now().Add(time.Hour)})
	case way == "gives":
		gittest.AnswerEcho(w, http.StatusUnauthorized, echo)
	case code > 0:
		gittest.AnswerEcho(w, code, echo)
	case way == "away":
		w.Header().Set("Location", "http://localhost:1/"+url.PathEscape(echo))
		gittest.AnswerEcho(w, http.StatusFound, echo)
	case way == "lost":
		w.Header().Set("Location", "http://localhost:1/"+echo)
		gittest.AnswerEcho(w, http.StatusFound, echo)
	case way == "hangs":
		<-r.Context().Done()
	case way == "says": // in git's own words
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = fmt.Fprint(w, packet("# service=git-upload-pack\n")+"0000"+packet("ERR no access for "+echo))
	default:
		_, _ = fmt.Fprint(w, "<html>", echo)
	}
}

func packet(line string) string { return fmt.Sprintf("%04x%s", len(line)+4, line) }

// note remembers what came, but for the headers that identify; what they hold is one more secret.
func (h *hostile) note(r *http.Request, body []byte) {
	headers := maps.Clone(r.Header)
	for _, name := range []string{"Authorization", "Private-Token", "Proxy-Authorization"} {
		if _, value, _ := strings.Cut(r.Header.Get(name), " "); len(value) > 20 && !strings.HasSuffix(r.URL.Path,
			"/access_tokens") {
			h.vault.keep("a header "+name, value)
		} else if len(value) > 20 {
			h.vault.keep("an App's signature", value[strings.LastIndex(value, ".")+1:])
		}
		delete(headers, name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(&h.told, "%s %s %v\n%s\n", r.Method, r.URL, headers, body)
}

func (h *hostile) heard() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.told.String()
}

// startSSH is an SSH server that lets nobody in. It returns its address and its line of known_hosts.
func startSSH(t *testing.T) (address, known string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	check(t, err)
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		return nil, errors.New("nobody")
	}}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _, _, _ = ssh.NewServerConn(c, config)
				_ = c.Close()
			}()
		}
	}()
	address = listener.Addr().String()
	return address, knownhosts.Line([]string{address}, signer.PublicKey())
}

// sshKey is a private key in OpenSSH's format.
func sshKey(t *testing.T, passphrase string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	check(t, err)
	return string(pem.EncodeToMemory(block))
}
