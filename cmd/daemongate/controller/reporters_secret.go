package controller

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	gosync "sync"
	"time"

	corev1api "k8s.io/api/core/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/githubapp"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// reportSecret is the Secret with what identifies to a Git host and says how to reach it. It is read before every
// report, so that all of it can be rotated.
type reportSecret struct {
	secrets         corev1.SecretInterface
	credentials     func(*corev1api.Secret) (gitsource.Auth, error)
	dial            remote.DialFunc
	place           forge.Place
	namespace, name string

	mu        gosync.Mutex
	ca        []byte
	proxy     string
	transport *http.Transport // by the two above
}

// read reads it, and makes sure that it may be sent to the place that is told.
func (r *reportSecret) read(ctx context.Context) (gitsource.Auth, error) {
	secret, err := readSecret(ctx, r.secrets, "spec.report.secretRef", r.name)
	if err != nil {
		return gitsource.Auth{}, err
	}
	auth, err := r.credentials(secret)
	if err == nil {
		err = auth.BelongTo(r.place.API)
	}
	if err != nil {
		return auth, fmt.Errorf("spec.report.secretRef: Secret %s/%s: %w", r.namespace, r.name, err)
	}
	return auth, r.reach(auth.CA, auth.Proxy)
}

// refused has a GitHub App ask for another token.
func (r *reportSecret) refused(ctx context.Context, t forge.Token) {
	if auth, err := r.read(ctx); err == nil && auth.App != nil {
		auth.App.Refused(t.Secret)
	}
}

// token is that of a GitHub App, the key token, or username and password.
func (r *reportSecret) token(ctx context.Context) (forge.Token, error) {
	auth, err := r.read(ctx)
	switch {
	case err != nil:
		return forge.Token{}, err
	case auth.App != nil:
		token, err := auth.App.Token(ctx, r.client(),
			githubapp.Grant{Repository: r.place.Repository, Access: githubapp.WriteStatuses})
		return forge.Token{Secret: token}, err
	case auth.Token != "":
		return forge.Token{Secret: auth.Token}, nil
	case auth.Password != "":
		return forge.Token{Username: auth.Username, Secret: auth.Password}, nil
	}
	return forge.Token{}, fmt.Errorf("spec.report.secretRef: Secret %s/%s has neither token nor password",
		r.namespace, r.name)
}

// client sends what it is given in the way that the Secret said last.
func (r *reportSecret) client() *http.Client { return &http.Client{Transport: r} }

// RoundTrip sends one request.
func (r *reportSecret) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	transport := r.transport
	r.mu.Unlock()
	if transport == nil {
		return nil, fmt.Errorf("spec.report.secretRef: Secret %s/%s has not been read yet", r.namespace, r.name)
	}
	return transport.RoundTrip(request)
}

// reach has the host reached through a proxy, or that of the environment, and certificates of the given authorities
// trusted besides those that the system trusts. Connections are kept for as long as both stay the same.
func (r *reportSecret) reach(ca []byte, proxy string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.transport != nil && bytes.Equal(ca, r.ca) && proxy == r.proxy {
		return nil
	}
	next, err := transportBy(r.dial, ca, proxy)
	if err != nil {
		return fmt.Errorf("spec.report.secretRef: Secret %s/%s: %w", r.namespace, r.name, err)
	}
	if r.transport != nil {
		r.transport.CloseIdleConnections()
	}
	r.ca, r.proxy, r.transport = ca, proxy, next
	return nil
}

func transportBy(dial remote.DialFunc, ca []byte, proxy string) (*http.Transport, error) {
	config, err := remote.TLSConfig(gitsource.Auth{CA: ca})
	if err != nil {
		return nil, fmt.Errorf("ca.crt: %w", err)
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, DialContext: dial,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true}
	if proxy != "" {
		u, err := remote.ProxyURL(proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		t.Proxy = http.ProxyURL(u)
	}
	return t, nil
}
