// Package reviews asks the API server whose a token is, and what its owner may.
package reviews

import (
	"context"
	"fmt"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// What the API server calls those whom it does not know.
const (
	anonymous       = "system:anonymous"
	unauthenticated = "system:unauthenticated"
)

// Owner is whose a token is, nil if it is nobody's: who has no name, or is called anonymous, is nobody.
func Owner(ctx context.Context, kube kubernetes.Interface, token string) (*authenticationv1.UserInfo, error) {
	review, err := kube.AuthenticationV1().TokenReviews().Create(ctx,
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("review a token: %w", err)
	}
	who := review.Status.User
	if !review.Status.Authenticated || who.Username == "" || who.Username == anonymous ||
		slices.Contains(who.Groups, unauthenticated) {
		return nil, nil
	}
	return &who, nil
}

// May reports whether somebody may do what is asked, which names no subject.
func May(ctx context.Context, kube kubernetes.Interface, who *authenticationv1.UserInfo,
	asked authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	asked.User, asked.UID, asked.Groups = who.Username, who.UID, who.Groups
	asked.Extra = map[string]authorizationv1.ExtraValue{}
	for key, values := range who.Extra {
		asked.Extra[key] = authorizationv1.ExtraValue(values)
	}
	review, err := kube.AuthorizationV1().SubjectAccessReviews().Create(ctx,
		&authorizationv1.SubjectAccessReview{Spec: asked}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("review the access of %s: %w", who.Username, err)
	}
	return review.Status.Allowed, nil
}
