package main

import (
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A controller that has not run for a minute is named, with since when; one that renews its Lease is not.
func TestAControllerThatDoesNotRunIsNamed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		10 * time.Second: "",
		59 * time.Second: "",
		5 * time.Minute:  "no controller has run for 5m",
	} {
		renewed := metav1.NewMicroTime(now.Add(-ago))
		got := idleWords(&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}}, now)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("renewed %s ago: %q", ago, got)
		}
	}
	if got := idleWords(&coordinationv1.Lease{}, now); got != "" {
		t.Errorf("never renewed: %q", got)
	}
}
