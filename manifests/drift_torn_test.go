package manifests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// What others write between the read of an object and its dry run is no drift, since the set does not name it. Of an
// object that is never left alone for that long nothing is said, and it is tried again later.
func TestWhatIsWrittenWhileComparingIsNoDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	w.apply(s)
	for name, writes := range map[string]int{"once": 1, "all the time": 1000} {
		t.Run(name, func(t *testing.T) {
			written := 0
			config := rest.CopyConfig(w.config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/daemonsets/") &&
						written < writes {
						written++
						w.by("person", w.id("DaemonSet", "agent"),
							fmt.Sprintf(`{"metadata":{"annotations":{"tried":"%s-%d"}}}`, name, written))
					}
					return next.RoundTrip(r)
				})
			})
			client, err := NewClient(config)
			if err != nil {
				t.Fatal(err)
			}
			client.mapper = w.client.mapper
			drifts, err := client.Drifted(w.ctx, s, w.opts)
			if len(drifts) != 0 || written == 0 {
				t.Errorf("after %d writes of another: %+v", written, drifts)
			}
			if temporary := Temporary(err); temporary != (writes > 1) {
				t.Errorf("temporary %t: %v", temporary, err)
			}
		})
	}
}
