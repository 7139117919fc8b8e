package controller

import (
	"context"
	"errors"
	gosync "sync"

	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/lru"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
)

// maxWriters is for how many users clients are kept. One that is forgotten asks the API server anew what it serves.
const maxWriters = 1000

// connections opens repositories, writers and reporters for Syncs, and shares what can be shared.
type connections struct {
	config  *rest.Config
	secrets corev1.SecretsGetter
	// serviceAccounts are those that Syncs write as.
	serviceAccounts corev1.ServiceAccountsGetter
	mirrors         *gitsource.Store
	notes           string // folder
	notesKeys       keyFiles
	cluster         string // as hosts are told of it
	apps            apps
	// bindings are what credentials must say, and reach is where connections may lead.
	bindings bindings
	reach    remote.Reach
	// accounts are whose rights Syncs use.
	accounts Accounts

	mu      gosync.Mutex
	writers *lru.Cache // of *manifests.Client, by the user they write as
	told    reporters
}

// Repository opens the mirror of a Sync's repository.
func (k *connections) Repository(ctx context.Context, s *api.Sync) (source.Repository, error) {
	r, err := k.mirror(ctx, s)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (k *connections) mirror(_ context.Context, s *api.Sync) (*gitsource.Repository, error) {
	if remote.HasPassword(s.Spec.Source.URL) {
		return nil, gitsource.Mistake(errors.New("spec.source.url holds a password, or what may be a token, " +
			"which everybody sees who may read Syncs: put it into a Secret that spec.source.secretRef names"))
	}
	identity, source := k.credentialsOf(s)
	return k.mirrors.Lend(s.Spec.Source.URL, identity, source)
}

// Writer returns the client that writes with the rights the Sync asks for.
func (k *connections) Writer(s *api.Sync) (sync.Writer, error) {
	user, err := k.accounts.user(s)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.writers == nil {
		k.writers = lru.New(maxWriters)
	}
	if known, ok := k.writers.Get(user); ok {
		if w, ok := known.(*manifests.Client); ok {
			return w, nil
		}
	}
	config := rest.CopyConfig(k.config)
	config.Impersonate.UserName = user
	w, err := manifests.NewClient(config)
	if err != nil {
		return nil, err
	}
	k.writers.Add(user, w)
	return w, nil
}
