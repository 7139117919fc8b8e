package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	gosync "sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// connections opens repositories, writers and reporters for Syncs, and shares what can be shared.
type connections struct {
	config  *rest.Config
	secrets corev1.SecretsGetter
	mirrors *gitsource.Store
	notes   string // folder

	mu        gosync.Mutex
	writers   map[string]*manifests.Client // by the user they write as
	reporters map[string]*forge.Notes      // by repository and credentials
}

// Repository opens the mirror of a Sync's repository.
func (k *connections) Repository(ctx context.Context, s *api.Sync) (sync.Repository, error) {
	auth, err := k.auth(ctx, s)
	if err != nil {
		return nil, err
	}
	return k.mirrors.Repository(s.Spec.Source.URL, auth)
}

// Writer returns the client that writes with the rights the Sync asks for.
func (k *connections) Writer(s *api.Sync) (sync.Writer, error) {
	user := ""
	if name := s.Spec.Apply.ServiceAccountName; name != "" {
		user = "system:serviceaccount:" + s.Namespace + ":" + name
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if w, ok := k.writers[user]; ok {
		return w, nil
	}
	config := rest.CopyConfig(k.config)
	config.Impersonate.UserName = user
	w, err := manifests.NewClient(config)
	if err != nil {
		return nil, err
	}
	if k.writers == nil {
		k.writers = map[string]*manifests.Client{}
	}
	k.writers[user] = w
	return w, nil
}

// Reporter returns what tells the Sync's Git host about commits, or nil.
func (k *connections) Reporter(ctx context.Context, s *api.Sync) (sync.Reporter, error) {
	switch s.Spec.Report.Provider {
	case api.ProviderNotes:
		auth, err := k.auth(ctx, s)
		if err != nil {
			return nil, err
		}
		return k.notesOf(s.Spec.Source.URL, auth), nil
	case api.ProviderNone, "":
		return nil, nil
	}
	return nil, fmt.Errorf("Sync %s/%s: spec.report.provider %q is not known", s.Namespace, s.Name, s.Spec.Report.Provider)
}

// notesOf returns the one writer of a repository's notes, which all Syncs of it share.
func (k *connections) notesOf(url string, auth gitsource.Auth) *forge.Notes {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := url + " " + string(auth.Fingerprint())
	if n, ok := k.reporters[key]; ok {
		return n
	}
	if k.reporters == nil {
		k.reporters = map[string]*forge.Notes{}
	}
	n := forge.NewNotes(url, auth, k.notes)
	k.reporters[key] = n
	return n
}

// auth reads the Secret that a Sync's source names.
func (k *connections) auth(ctx context.Context, s *api.Sync) (gitsource.Auth, error) {
	ref := s.Spec.Source.SecretRef
	if ref == nil {
		return gitsource.Auth{}, nil
	}
	secret, err := k.secrets.Secrets(s.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return gitsource.Auth{}, fmt.Errorf("spec.source.secretRef: %w", err)
	}
	auth := gitsource.Auth{
		// Rotated credentials keep the mirror of those before.
		Identity: s.Namespace + "/" + ref.Name,
		Username: string(secret.Data["username"]), Password: string(secret.Data["password"]), Token: string(secret.Data["token"]),
	}
	if auth.Password == "" && auth.Token == "" {
		keys := slices.Sorted(maps.Keys(secret.Data))
		return gitsource.Auth{}, fmt.Errorf("spec.source.secretRef: Secret %s/%s has the keys %s, but neither token nor password",
			s.Namespace, ref.Name, strings.Join(keys, ", "))
	}
	return auth, nil
}
