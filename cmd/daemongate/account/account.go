// Package account says in whose name a dry run asks what an apply of a Sync would change.
package account

import (
	"context"
	"errors"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/rights"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Usage is that of the flag.
const Usage = "ask with the rights of the ServiceAccount that the Sync applies as: needs the right to impersonate it"

// Needs refuses the flag where no Sync is named.
func Needs(asSync bool, sync string) error {
	if asSync && sync == "" {
		return errors.New("--as-sync: whose rights are meant is not known: name a Sync too")
	}
	return nil
}

// For is how to ask what an apply of a Sync would change: as the caller or, with asSync, as the ServiceAccount that the
// Sync applies as. Said is in whose name, where that is not one and the same.
func For(ctx context.Context, caller *rest.Config, s *api.Sync, asSync bool) (config *rest.Config, said string,
	err error) {
	if s.Spec.Apply.KubeConfig != nil {
		return nil, "", fmt.Errorf("%w: to ask what a commit would change there, leave out the Sync, and give "+
			"the repository and the --kubeconfig of that cluster", sync.Elsewhere(s))
	}
	name, as := s.Spec.Apply.ServiceAccountName, caller.Impersonate.UserName
	switch {
	case asSync && name == "":
		return nil, "", fmt.Errorf("--as-sync: Sync %s/%s names no ServiceAccount in spec.apply.serviceAccountName",
			s.Namespace, s.Name)
	case asSync && as != "":
		return nil, "", fmt.Errorf("--as-sync: you act as %s already, and nobody can act as two: leave out one of "+
			"them", as)
	case asSync && mayImpersonate(ctx, caller, s.Namespace, name) == forbidden:
		return nil, "", fmt.Errorf("--as-sync: you may not act as ServiceAccount %s/%s: that needs the verb "+
			"impersonate on serviceaccounts, which whoever administers the cluster can grant", s.Namespace, name)
	case asSync:
		config = rest.CopyConfig(caller)
		config.Impersonate = rest.ImpersonationConfig{UserName: rights.User(s.Namespace, name)}
		return config, fmt.Sprintf("asked with the rights of ServiceAccount %s/%s, as which the Sync applies",
			s.Namespace, name), nil
	case name == "":
		return caller, "", nil
	case as == rights.User(s.Namespace, name):
		return caller, "", nil
	case as != "":
		return caller, fmt.Sprintf("asked with the rights of %s: %s", as, sync.AppliesAs(s)), nil
	}
	said = "asked with your own rights: " + sync.AppliesAs(s)
	if mayImpersonate(ctx, caller, s.Namespace, name) == allowed {
		said += "; you may ask with them: --as-sync"
	}
	return caller, said, nil
}

// answer is what the API server says of a right.
type answer int

const (
	unknown answer = iota
	allowed
	forbidden
)

// mayImpersonate asks whether the caller may act as a ServiceAccount.
func mayImpersonate(ctx context.Context, caller *rest.Config, namespace, name string) answer {
	reviews, err := client.NewForConfig(caller)
	if err != nil {
		return unknown
	}
	review, err := reviews.SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: "impersonate", Resource: "serviceaccounts", Name: name}}},
		metav1.CreateOptions{})
	switch {
	case err != nil || review.Status.EvaluationError != "" && !review.Status.Allowed:
		return unknown
	case review.Status.Allowed:
		return allowed
	}
	return forbidden
}
