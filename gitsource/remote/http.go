package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// dialTimeout bounds the making of a connection, and each handshake on it.
const dialTimeout = 15 * time.Second

// newHTTPClient makes the client of one repository. Its connections are its own: they carry a client certificate.
func newHTTPClient(auth Auth, o Options) (*http.Client, error) {
	config, err := TLSConfig(auth)
	if err != nil {
		return nil, err
	}
	proxy := http.ProxyFromEnvironment
	if auth.Proxy != "" {
		u, err := ProxyURL(auth.Proxy)
		if err != nil {
			return nil, err
		}
		proxy = http.ProxyURL(u)
	}
	return &http.Client{CheckRedirect: staysAtHome(auth, o.Reach), Transport: &http.Transport{
		Proxy:               proxy,
		DialContext:         dialer(o),
		TLSClientConfig:     config,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     o.Idle / 2, // none is used again that is about to be given up
		ForceAttemptHTTP2:   true,
	}}, nil
}

// ProxyURL reads the address of a proxy.
func ProxyURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, errors.New("the proxy is not a URL that can be used: expected http://host:port or " +
			"socks5://host:port")
	}
	return u, nil
}

// redirectError is the error of a redirect that is not followed.
type redirectError struct{ server, why string }

func (e *redirectError) Error() string {
	return "the server redirects to " + e.server + ", " + e.why + ": if that is the right one, use that URL"
}

// staysAtHome keeps requests at the server that they are for. Who has credentials must stay there whatever may be:
// go-git would not send a password along, but would show a client certificate, and the other host's no would be taken
// for the first one's.
func staysAtHome(auth Auth, reach Reach) func(*http.Request, []*http.Request) error {
	return func(to *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case len(via) >= 10:
			return errors.New("the server redirects in a circle")
		case to.URL.Host == first.Host && to.URL.Scheme == first.Scheme:
			return nil
		case to.URL.Host == first.Host || first.Scheme == "https" && to.URL.Scheme != "https":
			return &redirectError{to.URL.Scheme + "://" + to.URL.Host, "which is another scheme"}
		case !auth.Empty():
			return &redirectError{to.URL.Host, "and credentials are not sent along to another host"}
		case !reach.Redirects:
			return &redirectError{to.URL.Host, "which is another host than the one that was asked for"}
		}
		return nil
	}
}

// TLSConfig trusts the authorities of the credentials besides those that the system trusts, and shows their
// certificate. The error says what of them cannot be used.
func TLSConfig(auth Auth) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(auth.CA) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(auth.CA) {
			return nil, errors.New("the CA bundle holds no certificate: expected PEM, beginning with -----BEGIN " +
				"CERTIFICATE-----")
		}
		config.RootCAs = roots
	}
	if len(auth.ClientCert) > 0 || len(auth.ClientKey) > 0 {
		pair, err := tls.X509KeyPair(auth.ClientCert, auth.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("the client certificate and its key cannot be used: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// DialFunc is what makes connections.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dialer makes connections that lead where they may.
func (r Reach) Dialer() DialFunc {
	return (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: r.Control}).DialContext
}

func dialer(o Options) DialFunc {
	dial := o.Reach.Dialer()
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &rolling{Conn: conn, idle: o.Idle}, nil
	}
}

// rolling is a connection whose every read and write must move something within idle. HTTP waits for an answer from the
// moment that the answer before has ended; so a write gives whoever waits that long again.
type rolling struct {
	net.Conn
	idle time.Duration
}

func (c *rolling) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *rolling) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
