package gitsource_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// tlsHost is a server whose certificate, and whose clients' certificates, can be exchanged.
type tlsHost struct {
	*httptest.Server
	mu     sync.Mutex
	config *tls.Config
}

func serveTLS(t *testing.T, handler http.Handler) *tlsHost {
	t.Helper()
	h := &tlsHost{Server: httptest.NewUnstartedServer(handler)}
	h.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.config, nil
	}}
	h.StartTLS()
	t.Cleanup(h.Close)
	return h
}

// letIn lets only clients in whose certificate is in the pool.
func (h *tlsHost) letIn(clients *x509.CertPool) {
	h.mu.Lock()
	config := h.config.Clone()
	config.ClientCAs = clients
	h.config = config
	h.mu.Unlock()
	h.CloseClientConnections()
}

// exchange takes another certificate. It returns what signed it.
func (h *tlsHost) exchange(t *testing.T, clients *x509.CertPool) (ca []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.config = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	h.mu.Unlock()
	h.CloseClientConnections()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// A client's certificate, and the one that signs the server's, are exchanged without a restart.
func TestCertificatesAreExchanged(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.commit("a")
	server := serveTLS(t, serve(t, w.dir).Config.Handler)
	cert, key, pool := clientCertificate(t)
	s := &safe{auth: gitsource.Auth{CA: server.exchange(t, pool), ClientCert: cert, ClientKey: key}}
	r := lend(t, server.URL+"/.git", s.read)
	head(t, r)

	next := s.auth
	next.CA = server.exchange(t, pool)
	rotate(t, r, s, w, "unknown authority", next)
	next.ClientCert, next.ClientKey, pool = clientCertificate(t)
	server.letIn(pool)
	rotate(t, r, s, w, "certificate", next)
}
