package controller

import (
	"cmp"
	"context"
	"fmt"

	"github.com/daemongate/daemongate/manifests/rights"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Accounts say with whose rights Syncs are written that name no ServiceAccount.
type Accounts struct {
	// Default is the name of a ServiceAccount in each Sync's own namespace.
	Default string
	// Required refuses a Sync that has none, instead of writing with the controller's own rights.
	Required bool
}

// noAccount is the reason of the conditions of a Sync that is refused.
const noAccount = "NoServiceAccount"

// user is in whose name a Sync's objects are read and written; empty for the controller's own.
func (a Accounts) user(s *api.Sync) (string, error) {
	name, err := a.name(s)
	if err != nil || name == "" {
		return "", err
	}
	return rights.User(s.Namespace, name), nil
}

// name is that of the ServiceAccount in whose name it is done; empty for the controller's own.
func (a Accounts) name(s *api.Sync) (string, error) {
	name := cmp.Or(s.Spec.Apply.ServiceAccountName, a.Default)
	if name == "" && a.Required {
		return "", &sync.Barred{Reason: noAccount, Message: fmt.Sprintf("spec.apply.serviceAccountName is missing, "+
			"and no Sync is written with the controller's own rights: name a ServiceAccount of namespace %s that may "+
			"get, list, watch, create, patch and delete what Git asks for", s.Namespace)}
	}
	return name, nil
}

// Account looks whether the ServiceAccount is there that a Sync writes as. Rights may be bound to one that is not: it
// would be written in nobody's name. What keeps the controller from looking bars nobody.
func (k *connections) Account(ctx context.Context, s *api.Sync) error {
	if s.Spec.Apply.KubeConfig != nil {
		return k.remoteAccount(ctx, s)
	}
	name, err := k.accounts.name(s)
	if err != nil || name == "" {
		return err
	}
	if !k.users.Lacks(ctx, s.Namespace, name) {
		return nil
	}
	named := "spec.apply.serviceAccountName names"
	if s.Spec.Apply.ServiceAccountName == "" {
		named = "is the one for Syncs that name none"
	}
	return &sync.Barred{Reason: noAccount, Message: fmt.Sprintf("ServiceAccount %s/%s, which %s, does not exist: "+
		"create it (kubectl -n %s create serviceaccount %s) or name another one; the commit waits until then",
		s.Namespace, name, named, s.Namespace, name)}
}
