package controller

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
)

// sayHello prints the first line: which program this is, as whom it speaks to the cluster, what it looks after, and
// where it keeps and serves what.
func (c *Controller) sayHello(ctx context.Context) {
	o := c.o
	syncs := "the Syncs of all namespaces"
	if len(o.Namespaces) > 0 {
		syncs = "the Syncs of namespace " + strings.Join(o.Namespaces, ", ")
	}
	_, _ = fmt.Fprintf(o.Out, "%s  daemongate %s as %s at %s, for %s; data in %s; webhooks at %s; metrics at %s; "+
		"Lease %s/%s; %d workers\n", time.Now().Format("15:04:05"), cmp.Or(o.Version, "unknown"), c.whoAmI(ctx),
		c.plain.Host, syncs, o.DataDir, cmp.Or(o.Webhooks, "no address"), cmp.Or(o.Metrics, "no address"),
		o.Lease.Namespace, o.Lease.Name, o.Workers)
}

// whoAmI is the user that the API server takes this process for, and so whose rights it has.
func (c *Controller) whoAmI(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := authentication.NewForConfig(c.plain)
	if err != nil {
		return "an unknown user"
	}
	review, err := client.SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{},
		metav1.CreateOptions{})
	if err != nil {
		return "a user that the API server does not name"
	}
	return review.Status.UserInfo.Username
}
