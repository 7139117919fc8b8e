package controller

import (
	"bytes"
	"context"
	"errors"
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
	"github.com/daemongate/daemongate/sync/notify/webhook"
)

// reportSecret is the Secret with what identifies to a Git host, or to who knows of alerts, and says how to reach it.
// It is read before every request, so that all of it can be rotated.
type reportSecret struct {
	secrets         corev1.SecretInterface
	credentials     func(*corev1api.Secret) (gitsource.Auth, error)
	dial            remote.DialFunc
	place           forge.Place
	namespace, name string
	field           string // that names it
	noApp           bool   // the key of a GitHub App is of no use there

	route
}

// read reads it, and makes sure that it may be sent to the place that is told.
func (r *reportSecret) read(ctx context.Context) (gitsource.Auth, error) {
	secret, err := readSecret(ctx, r.secrets, r.field, r.name)
	if err != nil {
		return gitsource.Auth{}, err
	}
	auth, err := r.credentials(secret)
	if err == nil {
		err = auth.BelongTo(r.place.API)
	}
	if err == nil && r.noApp && auth.App != nil {
		err = errors.New("has the key of a GitHub App, whose tokens are for GitHub and are sent to nobody else: name " +
			"a Secret with the key token, or username and password")
	}
	if err != nil {
		return auth, fmt.Errorf("%s: Secret %s/%s: %w", r.field, r.namespace, r.name, err)
	}
	if err := r.by(r.dial, auth.CA, auth.Proxy); err != nil {
		return auth, fmt.Errorf("%s: Secret %s/%s: %w", r.field, r.namespace, r.name, err)
	}
	return auth, nil
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
	return forge.Token{}, fmt.Errorf("%s: Secret %s/%s has neither token nor password",
		r.field, r.namespace, r.name)
}

// client sends what it is given in the way that the Secret said last.
func (r *reportSecret) client() *http.Client { return &http.Client{Transport: r} }

// route leads to a server in the way that a Secret says.
type route struct {
	mu        gosync.Mutex
	ca        []byte
	proxy     string
	transport *http.Transport // by the two above
}

// RoundTrip sends one request.
func (r *route) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	transport := r.transport
	r.mu.Unlock()
	if transport == nil {
		return nil, errors.New("the Secret has not been read yet")
	}
	return transport.RoundTrip(request)
}

// by has the server reached through a proxy, or that of the environment, and certificates of the given authorities
// trusted besides those that the system trusts. Connections are kept for as long as both stay the same.
func (r *route) by(dial remote.DialFunc, ca []byte, proxy string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.transport != nil && bytes.Equal(ca, r.ca) && proxy == r.proxy {
		return nil
	}
	next, err := transportBy(dial, ca, proxy)
	if err != nil {
		return err
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

// notifySecret is the Secret with the URL that notifications are sent to, what proves by whom, and how to get there. It
// is read before each of them, so that all of it can be rotated. Since the URL is in it as well, it needs to name no
// hosts: nobody but its owner says where the rest of it is sent.
type notifySecret struct {
	secrets         corev1.SecretInterface
	dial            remote.DialFunc
	namespace, name string

	route
}

// The keys of such a Secret that others do not have.
var (
	keyURL     = []string{"url"}
	keyHMACKey = []string{"hmacKey"}
)

// read reads it.
func (n *notifySecret) read(ctx context.Context) (webhook.To, error) {
	secret, err := readSecret(ctx, n.secrets, "spec.report.notify.secretRef", n.name)
	if err != nil {
		return webhook.To{}, err
	}
	to, err := n.to(secret)
	if err != nil {
		return webhook.To{}, fmt.Errorf("spec.report.notify.secretRef: Secret %s/%s: %w", n.namespace, n.name, err)
	}
	return to, nil
}

// to is what a Secret says. Errors name keys, never what is in them.
func (n *notifySecret) to(secret *corev1api.Secret) (webhook.To, error) {
	d := &secretData{data: secret.Data}
	to := webhook.To{URL: d.line(keyURL), Token: d.line(keyToken), Key: []byte(d.line(keyHMACKey))}
	ca, proxy := d.bytes(keyCA), d.line(keyProxy)
	bound, err := bindings{}.bind(secret, gitsource.Auth{Token: to.Token})
	switch {
	case d.err != nil:
		return to, d.err
	case err != nil:
		return to, err
	case to.URL == "":
		return to, errors.New("has no key url: it names who is told, as https://host/path")
	}
	if err := webhook.Check(to.URL, !bound.NoPlain); err != nil {
		return to, fmt.Errorf("the key %w", err)
	}
	if err := bound.BelongTo(to.URL); err != nil {
		return to, err
	}
	return to, n.by(n.dial, ca, proxy)
}
