// Package evict has single pods go by the eviction API, which asks the PodDisruptionBudgets that select them and
// deletes pods that none selects. It is the only place that has pods go.
package evict

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	policyclient "k8s.io/client-go/kubernetes/typed/policy/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/rights"
)

// Pod is one that may go, as whoever decided so saw it.
type Pod struct {
	Namespace, Name string
	UID             types.UID
	// Unready is set if it may go because it is not Ready.
	Unready bool
}

// ErrGone says that a pod is gone already, or going: it need not be evicted any more.
var ErrGone = errors.New("it is gone, or going")

// UnknownError says that it is not known whether a pod goes: the answer was lost, or the API server failed.
type UnknownError struct{ Err error }

// Error leaves the address out that was asked, which names the pod.
func (e *UnknownError) Error() string {
	why := e.Err
	if asked := (*url.Error)(nil); errors.As(why, &asked) {
		why = asked.Err
	}
	return "it is not known whether it goes: " + why.Error()
}

// Unwrap gives the reason.
func (e *UnknownError) Unwrap() error { return e.Err }

// timeout bounds what one eviction takes.
const timeout = 10 * time.Second

// ErrReady says that a pod that was to go because it is not Ready has become so: a node would lose its agent by it.
var ErrReady = errors.New("it has become Ready")

// BudgetError says that a PodDisruptionBudget does not allow a pod to go now.
type BudgetError struct{ Said string }

func (e *BudgetError) Error() string { return e.Said }

// ForbiddenError says that whoever evicts may not, and what to do about it.
type ForbiddenError struct {
	rights.Missing
	// Lacks are the rights that are missing.
	Lacks []rights.Right
}

func (e *ForbiddenError) Error() string { return e.Lack() + "; " + e.Remedy() }

// Lack says who lacks which rights where, and Remedy how to grant them.
func (e *ForbiddenError) Lack() string { return "old pods may not be evicted: " + e.LackOf(e.Lacks) }

// Remedy says how the rights are granted.
func (e *ForbiddenError) Remedy() string { return e.AdviceFor(e.Lacks) }

// Evictor evicts with one identity. It is safe for concurrent use.
type Evictor struct {
	client rest.Interface
	as     string // the user in whose name it evicts; empty for the process' own
}

// New makes an Evictor from a connection's configuration and its HTTP client.
func New(config *rest.Config, httpClient *http.Client) (*Evictor, error) {
	client, err := policyclient.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, err
	}
	return &Evictor{client: client.RESTClient(), as: config.Impersonate.UserName}, nil
}

// Evict has a pod go. The pod is read first, as it is now: one that is gone, is going, or is another one by now is an
// ErrGone, and one that is written in between is left alone (a conflict), as is one that has become Ready although it
// was to go because it was not (ErrReady): whoever decided so saw it late. A *BudgetError says that it may not go now,
// and an *UnknownError that it may be going. Nothing is tried again, which client-go would do for minutes.
func (e *Evictor) Evict(ctx context.Context, p Pod) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	path := "/api/v1/namespaces/" + p.Namespace + "/pods/" + p.Name
	live := &corev1.Pod{}
	err := e.client.Get().AbsPath(path).MaxRetries(0).Do(ctx).Into(live)
	switch {
	case apierrors.IsNotFound(err):
		return ErrGone
	case isUnauthorized(err):
		return e.forbidden(ctx, p.Namespace, err, rights.Evicting[0])
	case err != nil:
		return err
	case live.UID != p.UID || live.DeletionTimestamp != nil:
		return ErrGone
	case p.Unready && isReady(live):
		return ErrReady
	}
	eviction := &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &live.UID,
			ResourceVersion: &live.ResourceVersion}},
	}
	err = e.client.Post().AbsPath(path + "/eviction").MaxRetries(0).Body(eviction).Do(ctx).Error()
	switch {
	case apierrors.IsNotFound(err):
		return ErrGone
	case isUnauthorized(err):
		return e.forbidden(ctx, p.Namespace, err, rights.Evicting[1])
	case apierrors.IsTooManyRequests(err) && isBudget(err):
		return &BudgetError{Said: said(err)}
	case err != nil && !isRefusal(err):
		return &UnknownError{err}
	}
	return err
}

// isUnauthorized reports whether whoever asks has no right to what was asked. What admission denies, or a namespace
// that goes, is Forbidden too, and another right changes nothing of it.
func isUnauthorized(err error) bool {
	return apierrors.IsForbidden(err) && rights.IsMissing(err.Error())
}

// forbidden finds out what else is missing: one right is asked for after the other, and whoever grants them had better
// know of both.
func (e *Evictor) forbidden(ctx context.Context, namespace string, said error, known rights.Right) error {
	no := &ForbiddenError{Missing: rights.Missing{As: e.as, Said: said.Error(), Namespace: namespace}}
	for _, r := range rights.Evicting {
		if r == known || !e.may(ctx, namespace, r) {
			no.Lacks = append(no.Lacks, r)
		}
	}
	return no
}

// may reports whether whoever evicts has a right, or that is not known.
func (e *Evictor) may(ctx context.Context, namespace string, r rights.Right) bool {
	resource, subresource, _ := strings.Cut(r.Resource, "/")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: r.Verb, Resource: resource,
			Subresource: subresource}}}
	err := e.client.Post().AbsPath("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").MaxRetries(0).Body(review).
		Do(ctx).Into(review)
	return err != nil || review.Status.Allowed || review.Status.EvaluationError != ""
}

// isRefusal reports whether the API server has answered that it does not do it.
func isRefusal(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code >= 400 && status.Status().Code < 500
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// isBudget reports whether it is a PodDisruptionBudget that refuses, and not an API server that has too much to do.
func isBudget(err error) bool {
	return apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause) ||
		strings.Contains(err.Error(), "disruption budget")
}

// said is which budget refused and why, as the API server tells it.
func said(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, c := range status.Status().Details.Causes {
			if c.Type == policyv1.DisruptionBudgetCause && c.Message != "" {
				return c.Message
			}
		}
	}
	return err.Error()
}
