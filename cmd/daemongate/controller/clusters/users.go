package clusters

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"

	"github.com/daemongate/daemongate/manifests"
)

const (
	// MaxUsers is for how many users of a cluster clients are kept. One that is forgotten begins its watches anew.
	MaxUsers = 1000
	// AccountFor is how long a ServiceAccount that was there counts as there: a push may concern many Syncs of one
	// tenant. What is prepared waits longer than that for its turn, for a window or for room, and is not asked about
	// again.
	AccountFor = 5 * time.Second
)

// Users are those in whose name one cluster is written, by one connection. It is safe for concurrent use.
type Users struct {
	own      *manifests.Client // writes with the connection's own rights
	accounts corev1.ServiceAccountsGetter
	there    *cache.Expiring // ServiceAccounts that were there a moment ago

	mu      gosync.Mutex // has each user get one client
	clients *lru.Cache   // of *manifests.Client, by user
}

// NewUsers are those of the cluster that a configuration leads to. It asks the cluster nothing.
func NewUsers(config *rest.Config, accounts corev1.ServiceAccountsGetter, now clock.Clock) (*Users, error) {
	own, err := manifests.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	return &Users{own: own, accounts: accounts, there: cache.NewExpiringWithClock(now), clients: lru.New(MaxUsers)}, nil
}

// Writer writes as a user, or with the connection's own rights if that is empty.
func (u *Users) Writer(user string) (*manifests.Client, error) {
	if user == "" {
		return u.own, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if known, ok := u.clients.Get(user); ok {
		if client, ok := known.(*manifests.Client); ok {
			return client, nil
		}
	}
	client, err := u.own.As(user)
	if err != nil {
		return nil, err
	}
	u.clients.Add(user, client)
	return client, nil
}

// Kept is for how many users clients are kept.
func (u *Users) Kept() int { return u.clients.Len() }

// Lacks reports whether there is no such ServiceAccount. What keeps from looking is no answer, so it is not lacking
// then.
func (u *Users) Lacks(ctx context.Context, namespace, name string) bool {
	account := types.NamespacedName{Namespace: namespace, Name: name}
	if _, lately := u.there.Get(account); lately {
		return false
	}
	_, err := u.accounts.ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		u.there.Set(account, true, AccountFor)
	}
	return apierrors.IsNotFound(err)
}
