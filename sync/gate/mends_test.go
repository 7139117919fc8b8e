package gate

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A commit that takes over from a stuck one knows when that took off, over several in a row the first. After one that
// was complete, or that was merely taken over, nothing is mended; nor after a rollback, which mends by itself.
func TestSinceWhenTheMendedCommitWasStuck(t *testing.T) {
	first, second := metav1.NewMicroTime(time.Unix(100, 0)), metav1.NewMicroTime(time.Unix(200, 0))
	tests := map[string]struct {
		last *api.Flight
		want *metav1.MicroTime
	}{
		"nothing before":             {},
		"stuck":                      {&api.Flight{State: api.Stuck, Since: second}, &second},
		"stuck, after a stuck one":   {&api.Flight{State: api.Stuck, Since: second, MendsSince: &first}, &first},
		"taken over, after that":     {&api.Flight{State: api.RollingOut, Since: second, MendsSince: &first}, &first},
		"taken over":                 {&api.Flight{State: api.RollingOut, Since: second}, nil},
		"complete, after a stuck":    {&api.Flight{State: api.Complete, Since: second, MendsSince: &first}, nil},
		"rolled back, and stuck too": {&api.Flight{State: api.Stuck, Since: second, RollbackOf: &api.StuckCommit{}}, nil},
	}
	for name, test := range tests {
		if got := mendsSince(test.last); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
