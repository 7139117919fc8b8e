package sync

import (
	gosync "sync"
	"testing"
	"testing/synctest"
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

// works is held by what works in a bubble beside the test.
type works struct{ gosync.Mutex }

// sleep lets it work on. What the test did before happens before that, which the race detector cannot know of a clock
// that is played.
func (w *works) sleep(d time.Duration) {
	w.Lock()
	w.Unlock() //nolint:staticcheck // it is for the order alone
	time.Sleep(d)
	synctest.Wait()
}
