package controller

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/outbox"
)

// authority is a certificate authority, and a certificate that it has given to 127.0.0.1.
type authority struct {
	pem    []byte
	server *tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	now := time.Now()
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	check(t, err)
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey)
	check(t, err)
	return &authority{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}),
		&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
}

// knownCommit is a commit that the host knows.
const knownCommit = "1111111111111111111111111111111111111111"

// reporterTo opens the reporter of a Sync to GitHub's API at an address, with a Secret that can be exchanged.
func reporterTo(t *testing.T, address string, secret *oneSecret) outbox.Reporter {
	t.Helper()
	s := &api.Sync{}
	s.Namespace, s.Name = "platform", "agents"
	s.Spec.Source.URL = "https://git.test/platform/fleet.git"
	s.Spec.Report = api.Report{Provider: api.ProviderGitHub, URL: address + "/api/v3",
		SecretRef: &api.LocalObjectReference{Name: "status-token"}}
	r, err := (&connections{secrets: secret}).Reporter(t.Context(), s)
	check(t, err)
	return r
}

func reportTo(t *testing.T, r outbox.Reporter, text string) error {
	t.Helper()
	return r.Report(t.Context(), []forge.Status{{Commit: knownCommit, Context: "c", State: forge.Pending,
		Description: text}}).Err()
}

// The host gets a certificate of another authority, then the Secret gets that authority: no restart, and neither is the
// old authority trusted any more. As long as nothing is exchanged, connections are kept.
func TestAnotherAuthorityNeedsNoRestart(t *testing.T) {
	host := forgetest.New(forge.GitHub, "platform/fleet", "t0ken")
	host.Push(knownCommit)
	before, after := newAuthority(t), newAuthority(t)
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(before.server)
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(host)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*shown.Load()}}, nil
	}}
	server.StartTLS()
	defer server.Close()
	secret := &oneSecret{data: map[string][]byte{"token": []byte("t0ken"), "ca.crt": before.pem}}
	r := reporterTo(t, server.URL, secret)
	for range 3 {
		check(t, reportTo(t, r, "by the first authority"))
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for three reports", n)
	}
	shown.Store(after.server)
	server.CloseClientConnections()
	// a connection that was closed may fail first
	clustertest.Until(t, time.Minute, "the other certificate to be refused", func() (string, bool) {
		err := reportTo(t, r, "x")
		return fmt.Sprint(err), err != nil && strings.Contains(err.Error(), "certificate")
	})
	secret.data["ca.crt"] = after.pem
	check(t, reportTo(t, r, "by the second authority"))
	secret.data["ca.crt"] = before.pem
	if err := reportTo(t, r, "x"); err == nil {
		t.Error("who is no authority any more is trusted")
	}
	secret.data["ca.crt"] = []byte("no certificate")
	if err := reportTo(t, r, "x"); err == nil || !strings.Contains(err.Error(),
		"Secret platform/status-token: ca.crt") {
		t.Errorf("what is no certificate: %v", err)
	}
}

// Another proxy in the Secret is gone through with the next report, and none if the key is gone.
func TestAnotherProxyNeedsNoRestart(t *testing.T) {
	host := forgetest.New(forge.GitHub, "platform/fleet", "t0ken")
	host.Push(knownCommit)
	server := httptest.NewServer(host)
	defer server.Close()
	through := map[string]*atomic.Int64{}
	for range 2 {
		count, forward := &atomic.Int64{}, &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			count.Add(1)
			forward.ServeHTTP(w, r)
		}))
		defer proxy.Close()
		through[proxy.URL] = count
	}
	secret := &oneSecret{data: map[string][]byte{"token": []byte("t0ken"), "allowHTTP": []byte("true")}}
	r := reporterTo(t, server.URL, secret)
	for proxy, count := range through {
		secret.data["proxy"] = []byte(proxy)
		check(t, reportTo(t, r, "through a proxy"))
		delete(secret.data, "proxy")
		check(t, reportTo(t, r, "directly"))
		if n := count.Load(); n != 1 {
			t.Errorf("%d requests went through the proxy, want 1", n)
		}
	}
	secret.data["proxy"] = []byte("s3cret.example.com")
	if err := reportTo(t, r, "x"); err == nil || !strings.Contains(err.Error(),
		"Secret platform/status-token: proxy") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("what is no proxy: %v", err)
	}
}
