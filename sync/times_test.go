package sync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

func allow(expression, zone string, d time.Duration) api.Window {
	return api.Window{Allow: expression, TimeZone: zone, Duration: metav1.Duration{Duration: d}}
}

func deny(expression, zone string, d time.Duration) api.Window {
	return api.Window{Deny: expression, TimeZone: zone, Duration: metav1.Duration{Duration: d}}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
