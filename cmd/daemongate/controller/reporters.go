package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	gosync "sync"
	"weak"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/statuses"
	"github.com/daemongate/daemongate/sync/alerts"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/notify/webhook"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
)

// maxPaces is for how many APIs a pace is kept.
const maxPaces = 1000

// reporters are what Syncs share that report to the same place.
type reporters struct {
	mu    gosync.Mutex
	notes map[string]weak.Pointer[forge.Notes] // by the name of their folder
	heard map[string]weak.Pointer[forge.NotesReader]
	paces *lru.Cache // of *rate.Limiter, by API
}

// Reporter returns what tells the Sync's Git host about commits.
func (k *connections) Reporter(ctx context.Context, s *api.Sync) (outbox.Reporter, error) {
	if s.Spec.Report.Provider != api.ProviderNotes {
		return k.host(ctx, s)
	}
	return k.told.notesOf(k, s)
}

// Receiver returns what takes the notifications of a Sync.
func (k *connections) Receiver(ctx context.Context, s *api.Sync) (notify.Receiver, error) {
	secret := &notifySecret{secrets: k.secrets.Secrets(s.Namespace), dial: k.reach.Dialer(), namespace: s.Namespace,
		name: s.Spec.Report.Notify.SecretRef.Name}
	if _, err := secret.read(ctx); err != nil {
		return nil, err
	}
	return webhook.New(secret.read, secret), nil
}

// notesOf returns the one writer of a repository's notes, which all Syncs of it share. It is forgotten when nobody uses
// it any more.
func (r *reporters) notesOf(k *connections, s *api.Sync) (*forge.Notes, error) {
	identity, source := k.credentialsOf(s)
	name, err := k.mirrors.NameOf(s.Spec.Source.URL, identity)
	if err != nil {
		return nil, fmt.Errorf("spec.source.url: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.notes[name].Value(); n != nil {
		return n, nil
	}
	maps.DeleteFunc(r.notes, func(_ string, n weak.Pointer[forge.Notes]) bool { return n.Value() == nil })
	if r.notes == nil {
		r.notes = map[string]weak.Pointer[forge.Notes]{}
	}
	n := forge.NewNotesFrom(s.Spec.Source.URL, k.cluster, source, filepath.Join(k.notes, name), k.reach)
	if len(k.notesKeys) > 0 {
		n.SignBy(k.notesKeys.read)
	}
	r.notes[name] = weak.Make(n)
	return n, nil
}

// Notes returns the one reader of what clusters have told in the notes of a repository, which all Syncs of it share. It
// is forgotten when nobody uses it any more.
func (k *connections) Notes(s *api.Sync) (source.NotesReader, error) {
	identity, credentials := k.credentialsOf(s)
	name, err := k.mirrors.NameOf(s.Spec.Source.URL, identity)
	if err != nil {
		return nil, fmt.Errorf("spec.source.url: %w", err)
	}
	r := &k.told
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.heard[name].Value(); n != nil {
		return n, nil
	}
	maps.DeleteFunc(r.heard, func(_ string, n weak.Pointer[forge.NotesReader]) bool { return n.Value() == nil })
	if r.heard == nil {
		r.heard = map[string]weak.Pointer[forge.NotesReader]{}
	}
	n := forge.NewNotesReader(s.Spec.Source.URL, credentials, filepath.Join(k.notes, "heard-"+name), k.reach)
	r.heard[name] = weak.Make(n)
	return n, nil
}

// pace returns how fast a place may be written to, which all Syncs share that write there.
func (r *reporters) pace(p forge.Place) *rate.Limiter {
	if p.Provider != forge.GitHub {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paces == nil {
		r.paces = lru.New(maxPaces)
	}
	if known, ok := r.paces.Get(p.API); ok {
		if pace, ok := known.(*rate.Limiter); ok {
			return pace
		}
	}
	pace := forge.GitHubPace()
	r.paces.Add(p.API, pace)
	return pace
}

// host returns the reporter to a Git host's API.
func (k *connections) host(ctx context.Context, s *api.Sync) (outbox.Reporter, error) {
	host, err := k.hostOf(ctx, s, k.told.pace)
	if err != nil {
		return nil, err
	}
	return host, nil
}

// Statuses returns what reads the statuses of commits on the Git host that a Sync reports to, with the same token.
func (k *connections) Statuses(ctx context.Context, s *api.Sync) (source.StatusReader, error) {
	if p := s.Spec.Report.Provider; p == "" || p == api.ProviderNone || p == api.ProviderNotes {
		return nil, errors.New("spec.gate.after: channel Statuses needs spec.report.provider to be a Git host")
	}
	host, err := k.hostOf(ctx, s, func(forge.Place) *rate.Limiter { return nil }) // the pace is of who writes
	if err != nil {
		return nil, err
	}
	return statuses.NewReader(host)
}

// hostOf is the Git host that a Sync reports to, at a pace that depends on the place.
func (k *connections) hostOf(ctx context.Context, s *api.Sync, pace func(forge.Place) *rate.Limiter,
) (*forge.Host, error) {
	r := s.Spec.Report
	place, err := forge.Locate(forge.Provider(r.Provider), s.Spec.Source.URL, r.URL, r.Repository)
	if err != nil {
		return nil, fmt.Errorf("spec.report: %w", err)
	}
	if r.SecretRef == nil {
		return nil, errors.New("spec.report.secretRef is missing: it names the Secret with the host's token")
	}
	secret := &reportSecret{secrets: k.secrets.Secrets(s.Namespace), credentials: k.credentialsIn,
		dial: k.reach.Dialer(), place: place, namespace: s.Namespace, name: r.SecretRef.Name,
		field: "spec.report.secretRef"}
	if _, err := secret.read(ctx); err != nil {
		return nil, err
	}
	return forge.NewHost(place, secret.token, forge.Options{Client: secret.client(), Refused: secret.refused,
		Pace: pace(place)})
}

// Alerts opens what is asked whether alerts fire. It is reached, and shown credentials, as a Git host is.
func (k *connections) Alerts(ctx context.Context, namespace string, gate *api.AlertsGate) (alerts.Source, error) {
	source := alerts.Source{URL: gate.URL, Prometheus: gate.API == api.PrometheusAPI}
	var err error
	if source.Matchers, err = alerts.ParseMatchers(gate.Matchers); err != nil {
		return source, fmt.Errorf("spec.rollout.pace.gates.alerts.matchers: %w", err)
	}
	transport, err := transportBy(k.reach.Dialer(), nil, "")
	if err != nil {
		return source, err
	}
	transport.DisableKeepAlives = true // it is asked four times a minute
	source.Client = &http.Client{Transport: transport, CheckRedirect: stays}
	if gate.SecretRef == nil {
		return source, nil
	}
	secret := &reportSecret{secrets: k.secrets.Secrets(namespace), credentials: k.credentialsIn,
		dial: k.reach.Dialer(), place: forge.Place{API: gate.URL}, namespace: namespace, name: gate.SecretRef.Name,
		field: "spec.rollout.pace.gates.alerts.secretRef", noApp: true}
	token, err := secret.token(ctx)
	if err != nil {
		return source, err
	}
	secret.transport.DisableKeepAlives = true
	source.Client.Transport = secret.transport
	source.Authorize = func(_ context.Context, r *http.Request) error {
		if token.Username != "" {
			r.SetBasicAuth(token.Username, token.Secret)
		} else {
			r.Header.Set("Authorization", "Bearer "+token.Secret)
		}
		return nil
	}
	return source, nil
}

// stays follows no redirect: it might lead elsewhere with credentials.
func stays(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
