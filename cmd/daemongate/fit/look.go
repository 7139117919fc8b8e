package fit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/fit/judge"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/sync/lease"
)

// tried sees the rights that whoever asks lacks to install Daemongate, or to remove what an installation has brought,
// and what the API server would refuse for another reason.
func tried(ctx context.Context, config *rest.Config, kube kubernetes.Interface, o install.Options,
	s *judge.Seen) error {
	objects, err := install.All(o)
	if err != nil {
		return err
	}
	rights, err := install.RightsFor(ctx, config, o)
	if err != nil {
		s.Refused, err = refusals(err) // such as a kind that the cluster does not have
		return err
	}
	if s.Lacking, err = lacking(ctx, kube, rights.Install); err != nil {
		return err
	}
	if s.Unremoved, err = lacking(ctx, kube, rights.Remove); err != nil {
		return err
	}
	if len(s.Lacking) > 0 {
		return nil // the dry run would say the same of each object
	}
	s.Refused, err = refusals(install.Try(ctx, config, objects))
	return err
}

// lacking are those of some rights that whoever asks does not have, each verb and resource once.
func lacking(ctx context.Context, kube kubernetes.Interface, rights []install.Right) (all []string, err error) {
	for _, r := range rights {
		may, err := self(ctx, kube, authorizationv1.ResourceAttributes{Verb: r.Verb, Group: r.Resource.Group,
			Resource: r.Resource.Resource, Namespace: r.Namespace})
		if err != nil {
			return nil, err
		}
		if what := r.Verb + " " + r.Resource.GroupResource().String(); !may && !slices.Contains(all, what) {
			all = append(all, what)
		}
	}
	return all, nil
}

// refusals takes apart what a dry run said: what would be refused, and the trouble that kept it from being asked.
func refusals(said error) (refused []string, trouble error) {
	if several, ok := said.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			more, err := refusals(one)
			refused, trouble = append(refused, more...), errors.Join(trouble, err)
		}
		return refused, trouble
	}
	var rejected *manifests.Rejected
	var conflict *manifests.Conflict
	if errors.As(said, &rejected) || errors.As(said, &conflict) {
		return []string{said.Error()}, nil
	}
	return nil, said
}

// self reports whether whoever asks may do something.
func self(ctx context.Context, kube kubernetes.Interface, what authorizationv1.ResourceAttributes) (bool, error) {
	reviews := kube.AuthorizationV1().SelfSubjectAccessReviews()
	review, err := reviews.Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &what}}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("review your own access: %w", err)
	}
	return review.Status.Allowed, nil
}

// beats are the controllers of Kubernetes without which no DaemonSet gets on.
func beats(ctx context.Context, kube kubernetes.Interface) (all []judge.Beat) {
	for _, name := range []string{"kube-controller-manager", "kube-scheduler"} {
		b := judge.Beat{Name: name}
		l, err := kube.CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			b.Unread = "it has no Lease in kube-system" // as where somebody else runs the control plane
		case err != nil:
			b.Unread = reason(err)
		default:
			b = beat(l)
		}
		all = append(all, b)
	}
	return all
}

func nodes(ctx context.Context, kube kubernetes.Interface) (all []judge.Beat, unread string) {
	list, err := kube.CoordinationV1().Leases("kube-node-lease").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, reason(err)
	}
	for i := range list.Items {
		all = append(all, beat(&list.Items[i]))
	}
	return all, ""
}

func beat(l *coordinationv1.Lease) judge.Beat {
	b := judge.Beat{Name: l.Name}
	if l.Spec.RenewTime != nil {
		b.Renewed = l.Spec.RenewTime.Time
	}
	return b
}

// Controller is who holds the Lease of the installed controller, nil if there is no Lease, or why that is not known.
func Controller(ctx context.Context, kube kubernetes.Interface) (r *judge.Running, unread string) {
	l, err := kube.CoordinationV1().Leases(install.Owner.Namespace).Get(ctx, "daemongate", metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, ""
	case err != nil:
		return nil, reason(err)
	}
	r = &judge.Running{Renewed: beat(l).Renewed}
	r.Holder, r.Version = lease.Holder(l)
	return r, ""
}

// reason is why something could not be read.
func reason(err error) string {
	if apierrors.IsForbidden(err) {
		return "you may not read it"
	}
	return err.Error()
}
