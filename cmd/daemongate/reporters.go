package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	gosync "sync"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// reporters are what Syncs share that report to the same place.
type reporters struct {
	mu    gosync.Mutex
	notes map[string]*forge.Notes  // by repository and credentials
	paces map[string]*rate.Limiter // by API
}

// Reporter returns what tells the Sync's Git host about commits.
func (k *connections) Reporter(ctx context.Context, s *api.Sync) (sync.Reporter, error) {
	if s.Spec.Report.Provider != api.ProviderNotes {
		return k.host(ctx, s)
	}
	identity, source := k.credentialsOf(s)
	return k.told.notesOf(s.Spec.Source.URL, identity, source, k.notes), nil
}

// notesOf returns the one writer of a repository's notes, which all Syncs of it share.
func (r *reporters) notesOf(url, identity string, source gitsource.Source, folder string) *forge.Notes {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := url + " " + identity
	if n, ok := r.notes[key]; ok {
		return n
	}
	if r.notes == nil {
		r.notes = map[string]*forge.Notes{}
	}
	n := forge.NewNotesFrom(url, source, folder)
	r.notes[key] = n
	return n
}

// pace returns how fast a place may be written to, which all Syncs share that write there.
func (r *reporters) pace(p forge.Place) *rate.Limiter {
	if p.Provider != forge.GitHub {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paces == nil {
		r.paces = map[string]*rate.Limiter{}
	}
	if r.paces[p.API] == nil {
		r.paces[p.API] = forge.GitHubPace()
	}
	return r.paces[p.API]
}

// host returns the reporter to a Git host's API.
func (k *connections) host(ctx context.Context, s *api.Sync) (sync.Reporter, error) {
	r := s.Spec.Report
	place, err := forge.Locate(forge.Provider(r.Provider), s.Spec.Source.URL, r.URL, r.Repository)
	if err != nil {
		return nil, fmt.Errorf("spec.report: %w", err)
	}
	if r.SecretRef == nil {
		return nil, errors.New("spec.report.secretRef is missing: it names the Secret with the host's token")
	}
	secret := &reportSecret{secrets: k.secrets.Secrets(s.Namespace), apps: &k.apps, namespace: s.Namespace, name: r.SecretRef.Name}
	if err := secret.connect(ctx); err != nil {
		return nil, err
	}
	return forge.NewHost(place, secret.token, forge.Options{Client: secret.client, Refused: secret.refused, Pace: k.told.pace(place)})
}

// reportSecret is the Secret with what identifies to a Git host. It is read whenever it is needed, so that it can be
// rotated.
type reportSecret struct {
	secrets         corev1.SecretInterface
	apps            *apps
	namespace, name string
	client          *http.Client
}

func (r *reportSecret) read(ctx context.Context) (gitsource.Auth, error) {
	secret, err := r.secrets.Get(ctx, r.name, metav1.GetOptions{})
	if err != nil {
		return gitsource.Auth{}, fmt.Errorf("spec.report.secretRef: %w", err)
	}
	auth, err := r.apps.authOf(secret)
	if err != nil {
		return auth, fmt.Errorf("spec.report.secretRef: Secret %s/%s: %w", r.namespace, r.name, err)
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
		token, err := auth.App.Token(ctx, r.client)
		return forge.Token{Secret: token}, err
	case auth.Token != "":
		return forge.Token{Secret: auth.Token}, nil
	case auth.Password != "":
		return forge.Token{Username: auth.Username, Secret: auth.Password}, nil
	}
	return forge.Token{}, fmt.Errorf("spec.report.secretRef: Secret %s/%s has neither token nor password", r.namespace, r.name)
}

// connect makes the client. It trusts the certificates of the key ca.crt, besides those that the system trusts, and goes through the proxy of
// the key proxy, else through that of the environment.
func (r *reportSecret) connect(ctx context.Context) error {
	auth, err := r.read(ctx)
	if err != nil {
		return err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(auth.CA) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(auth.CA) {
			return fmt.Errorf("spec.report.secretRef: ca.crt of Secret %s/%s holds no certificate in PEM", r.namespace, r.name)
		}
		config.RootCAs = roots
	}
	proxy := http.ProxyFromEnvironment
	if auth.Proxy != "" {
		u, err := url.Parse(auth.Proxy)
		if err != nil {
			return fmt.Errorf("spec.report.secretRef: proxy of Secret %s/%s is not a URL", r.namespace, r.name)
		}
		proxy = http.ProxyURL(u)
	}
	r.client = &http.Client{Transport: &http.Transport{Proxy: proxy, TLSClientConfig: config, TLSHandshakeTimeout: 15 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true}}
	return nil
}
