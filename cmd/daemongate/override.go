package main

import (
	"context"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// overrideWindow lets the head of a Sync start although no window is open.
func overrideWindow(c *cobra.Command, k *cluster, name, reason string) error {
	s, syncs, err := k.sync(c.Context(), name)
	if err != nil {
		return err
	}
	head := s.Status.Head
	switch {
	case len(s.Spec.Windows) == 0:
		return fmt.Errorf("Sync %s/%s has no windows to override", s.Namespace, s.Name)
	case head == "":
		return fmt.Errorf("Sync %s/%s: the repository has not been polled yet, so there is no head to start",
			s.Namespace, s.Name)
	case head == s.Status.Passed && s.Status.PassedGeneration == s.Generation:
		return fmt.Errorf("Sync %s/%s: its head %s does not wait", s.Namespace, s.Name, api.Short(head))
	}
	now := time.Now()
	v := api.Override{Commit: head, Reason: reason, By: k.user(c.Context()),
		At: metav1.NewTime(now.UTC().Truncate(time.Second))}
	if err := syncs.Override(c.Context(), s.Namespace, s.Name, v); err != nil {
		return err
	}
	if err := syncs.Request(c.Context(), s.Namespace, s.Name, now); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s may start outside the windows, once\n", api.Short(head))
	return err
}

// user is who the API server says that we are, or who the machine says if it says nothing.
func (k *cluster) user(ctx context.Context) string {
	config, _, err := k.connect()
	if err == nil {
		var client *authenticationclient.AuthenticationV1Client
		if client, err = authenticationclient.NewForConfig(config); err == nil {
			var review *authenticationv1.SelfSubjectReview
			review, err = client.SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{},
				metav1.CreateOptions{})
			if err == nil && review.Status.UserInfo.Username != "" {
				return review.Status.UserInfo.Username
			}
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username + " on this machine"
	}
	return "unknown"
}
