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
	"time"
)

// dialTimeout bounds the making of a connection, and each handshake on it.
const dialTimeout = 15 * time.Second

// newHTTPClient makes the client of one repository. Its connections are its own: they carry a client certificate.
func newHTTPClient(auth Auth, idle time.Duration) (*http.Client, error) {
	config, err := tlsConfig(auth)
	if err != nil {
		return nil, err
	}
	proxy := http.ProxyFromEnvironment
	if auth.Proxy != "" {
		u, err := url.Parse(auth.Proxy)
		if err != nil || u.Host == "" {
			return nil, errors.New("the proxy is not a URL: expected http://host:port or socks5://host:port")
		}
		proxy = http.ProxyURL(u)
	}
	return &http.Client{Transport: &http.Transport{
		Proxy:               proxy,
		DialContext:         dialer(idle),
		TLSClientConfig:     config,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
	}}, nil
}

func tlsConfig(auth Auth) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(auth.CA) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(auth.CA) {
			return nil, errors.New("the CA bundle holds no certificate: expected PEM, beginning with -----BEGIN CERTIFICATE-----")
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

func dialer(idle time.Duration) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &rolling{Conn: conn, idle: idle}, nil
	}
}

// rolling is a connection whose every read and write must move something within idle.
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
	if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
