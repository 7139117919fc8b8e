package plan

import (
	"context"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/rights"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// reviews ask the API server what somebody may: who asks of others, and whoever has the rights that a Sync applies
// with of itself.
type reviews struct {
	own, applies authorization.AuthorizationV1Interface
}

// refuseUnevictable tells of the namespaces in which the old pods of a paced commit could not be evicted, since the
// Sync's ServiceAccount lacks a right for it. Whom a Sync without one writes as is not known here.
func (c *cluster) refuseUnevictable(ctx context.Context, s *api.Sync, plans []plan.Plan) {
	if s == nil || s.Spec.Apply.ServiceAccountName == "" {
		return
	}
	asked := map[string]bool{}
	for i := range plans {
		p := &plans[i]
		if !p.Paced || !p.Rolls || asked[p.Namespace] {
			continue
		}
		asked[p.Namespace] = true
		missing := rights.Missing{As: rights.User(s.Namespace, s.Spec.Apply.ServiceAccountName), Namespace: p.Namespace}
		lacks, err := c.lacking(ctx, missing)
		switch brought := c.grants(); {
		case err != nil:
			c.note("it is not known whether ServiceAccount %s/%s may evict old pods in namespace %s: %s", s.Namespace,
				s.Spec.Apply.ServiceAccountName, p.Namespace, words.Clip(err.Error(), 200))
		case len(lacks) == 0:
		case brought != "":
			c.note("to evict old pods %s, unless %s of the commit grants it", missing.LackOf(lacks), brought)
		case p.New:
			c.note("to evict old pods of later commits %s. %s", missing.LackOf(lacks), missing.AdviceFor(lacks))
		default:
			c.refused = append(c.refused, answer.Refused{Object: "DaemonSet " + p.Namespace + "/" + p.Name,
				Refusal: plan.Refusal{By: by(manifests.ReasonForbidden), Why: "old pods may not be evicted: " +
					missing.LackOf(lacks) + ". " + missing.AdviceFor(lacks)}})
		}
	}
}

// lacking are the rights to evict pods of a namespace that an account does not have.
func (c *cluster) lacking(ctx context.Context, of rights.Missing) (lacks []rights.Right, err error) {
	for _, r := range rights.Evicting {
		resource, part, _ := strings.Cut(r.Resource, "/")
		may, err := c.may(ctx, of, authorizationv1.ResourceAttributes{Namespace: of.Namespace, Verb: r.Verb,
			Resource: resource, Subresource: part})
		if err != nil {
			return nil, err
		}
		if !may {
			lacks = append(lacks, r)
		}
	}
	return lacks, nil
}

// may asks whether an account may do something: as that account, or else who asks must be allowed to ask about others.
func (c *cluster) may(ctx context.Context, of rights.Missing, what authorizationv1.ResourceAttributes) (bool, error) {
	if c.asSync {
		own := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &what}}
		review, err := c.reviews.applies.SelfSubjectAccessReviews().Create(ctx, own, metav1.CreateOptions{})
		if err != nil {
			return false, err
		}
		return review.Status.Allowed, nil
	}
	namespace, _, _ := rights.Account(of.As)
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
	review, err := c.reviews.own.LocalSubjectAccessReviews(of.Namespace).Create(ctx,
		&authorizationv1.LocalSubjectAccessReview{ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace},
			Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: &what, User: of.As, Groups: groups}},
		metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return review.Status.Allowed, nil
}

// grants names an object of the commit that may grant rights which are missing now: one of RBAC that it changes.
func (c *cluster) grants() string {
	for _, o := range c.set.Objects() {
		id := manifests.IDOf(o)
		m := c.merged[id]
		if id.Group == "rbac.authorization.k8s.io" && (m.Live == nil || m.Want == nil || !same(m.Live, m.Want)) {
			return id.String()
		}
	}
	return ""
}
