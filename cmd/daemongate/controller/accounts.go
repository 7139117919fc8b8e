package controller

import (
	"cmp"
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
	name := cmp.Or(s.Spec.Apply.ServiceAccountName, a.Default)
	switch {
	case name != "":
		return rights.User(s.Namespace, name), nil
	case a.Required:
		return "", &sync.Barred{Reason: noAccount, Message: fmt.Sprintf("spec.apply.serviceAccountName is missing, "+
			"and no Sync is written with the controller's own rights: name a ServiceAccount of namespace %s that may "+
			"get, list, watch, create, patch and delete what Git asks for", s.Namespace)}
	}
	return "", nil
}
