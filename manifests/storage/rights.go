package storage

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// mayDo fails with all rights that are lacking, before anything is written. Who cannot ask for them just tries.
func mayDo(ctx context.Context, kube kubernetes.Interface, p plan) error {
	var lacking []string
	for _, needed := range needs(p) {
		review, err := kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx,
			&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &needed}}, metav1.CreateOptions{})
		if err != nil {
			return nil
		}
		if !review.Status.Allowed {
			lacking = append(lacking, said(needed))
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("you may not %s, in all namespaces: nothing was written", strings.Join(lacking, ", "))
}

// needs are the rights that a migration takes.
func needs(p plan) (all []authorizationv1.ResourceAttributes) {
	for _, verb := range []string{"list", "get", "update"} {
		all = append(all, authorizationv1.ResourceAttributes{Verb: verb, Group: p.resource.Group,
			Resource: p.resource.Resource})
	}
	if len(p.older) > 0 {
		all = append(all, authorizationv1.ResourceAttributes{Verb: "patch", Group: definitions.Group,
			Resource: definitions.Resource, Subresource: "status", Name: p.name})
	}
	return all
}

func said(a authorizationv1.ResourceAttributes) string {
	what := a.Resource
	if a.Subresource != "" {
		what += "/" + a.Subresource
	}
	return a.Verb + " " + what + "." + a.Group
}
