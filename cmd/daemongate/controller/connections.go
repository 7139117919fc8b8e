package controller

import (
	"context"
	"errors"
	"fmt"
	gosync "sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/controller/clusters"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/manifests/rights"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
)

// connections opens repositories, writers and reporters for Syncs, and shares what can be shared.
type connections struct {
	secrets   typed.SecretsGetter
	mirrors   *gitsource.Store
	notes     string // folder
	notesKeys keyFiles
	cluster   string // as hosts are told of it
	apps      apps
	// bindings are what credentials must say, and reach is where connections may lead.
	bindings bindings
	reach    remote.Reach
	// accounts are whose rights Syncs use, and users those of their own cluster.
	accounts Accounts
	users    *clusters.Users
	remotes  *remotes

	told reporters
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
	if s.Spec.Apply.KubeConfig != nil {
		return k.remoteWriter(s)
	}
	if b := sync.WrongCluster(s, ""); b != nil {
		return nil, b
	}
	user, err := k.accounts.user(s)
	if err != nil {
		return nil, err
	}
	return k.users.Writer(user)
}

// remotes are the clusters that kubeconfigs of Syncs lead to.
type remotes struct {
	*clusters.Clusters
	// dark is the cluster of a Sync that is not connected to, or to the wrong one.
	dark *sync.Destination
}

func newRemotes(o clusters.Options, now func() time.Time) *remotes {
	return &remotes{clusters.New(o), &sync.Destination{Observer: clusters.Dark{}, Now: now}}
}

// Destination is the cluster that a Sync's kubeconfig leads to.
func (k *connections) Destination(ctx context.Context, s *api.Sync) (there *sync.Destination, again time.Duration) {
	if s.Spec.Apply.KubeConfig == nil {
		if sync.WrongCluster(s, "") != nil {
			return k.remotes.dark, 0
		}
		return nil, 0
	}
	at, _, again := k.remotes.At(ctx, s)
	if at == nil || sync.WrongCluster(s, at.There().UID) != nil {
		return k.remotes.dark, again
	}
	return at.There(), again
}

// remote is the connection that a Sync is written by. The error is a *sync.Barred if it may not be.
func (k *connections) remote(s *api.Sync) (*clusters.Connection, error) {
	at, barred := k.remotes.Known(s)
	if barred != nil {
		return nil, barred
	}
	if b := sync.WrongCluster(s, at.There().UID); b != nil {
		return nil, b
	}
	return at, nil
}

// remoteWriter writes to the cluster of a Sync's kubeconfig, as the ServiceAccount that the Sync names there.
func (k *connections) remoteWriter(s *api.Sync) (sync.Writer, error) {
	at, err := k.remote(s)
	if err != nil {
		return nil, err
	}
	user := ""
	if name := s.Spec.Apply.ServiceAccountName; name != "" {
		user = rights.User(s.Namespace, name)
	}
	return at.Writer(user)
}

// remoteAccount looks whether that ServiceAccount is there.
func (k *connections) remoteAccount(ctx context.Context, s *api.Sync) error {
	at, err := k.remote(s)
	name := s.Spec.Apply.ServiceAccountName
	if err != nil || name == "" {
		return err
	}
	if !at.LacksAccount(ctx, s.Namespace, name) {
		return nil
	}
	return &sync.Barred{Reason: noAccount, Message: fmt.Sprintf("ServiceAccount %s/%s, which "+
		"spec.apply.serviceAccountName names, does not exist in the cluster of spec.apply.kubeConfig: create it "+
		"there, or leave the field out to write with the kubeconfig's own rights; the commit waits until then",
		s.Namespace, name)}
}

// clusterAPI is the type of the Secrets in which Cluster API keeps kubeconfigs.
const clusterAPI corev1.SecretType = "cluster.x-k8s.io/secret"

// readKubeconfig reads the Secret that holds a kubeconfig.
func readKubeconfig(secrets typed.SecretsGetter) func(ctx context.Context, namespace, name string,
) (map[string][]byte, error) {
	const field = "spec.apply.kubeConfig.secretRef"
	return func(ctx context.Context, namespace, name string) (map[string][]byte, error) {
		secret, err := secrets.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil, &sync.Barred{Reason: "KubeConfigMissing", Message: fmt.Sprintf("%s: there is no Secret %s in "+
				"namespace %s: create it, with the kubeconfig under the key value", field, name, namespace)}
		case err != nil:
			return nil, fmt.Errorf("%s: %w", field, err)
		case !forPeople(secret.Type) && secret.Type != clusterAPI:
			return nil, &sync.Barred{Reason: "KubeConfigInvalid", Message: fmt.Sprintf("%s: Secret %s has the type "+
				"%s, and is not for this purpose: name one of the type Opaque", field, name, secret.Type)}
		}
		return secret.Data, nil
	}
}

// homeOf is the beginning of the UID of the cluster that the Syncs are in, which is read once. Without the right to
// read it, it is empty.
func homeOf(namespaces typed.NamespacesGetter) func(context.Context) (string, error) {
	var mu gosync.Mutex
	var known *string
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if known != nil {
			return *known, nil
		}
		namespace, err := namespaces.Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
			namespace = &corev1.Namespace{}
		case err != nil:
			return "", errors.New("it cannot be read which cluster the Sync is in")
		}
		home := shortUID(namespace.UID)
		known = &home
		return home, nil
	}
}

func shortUID(uid types.UID) string { return string(uid)[:min(8, len(uid))] }
