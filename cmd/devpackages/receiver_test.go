package devpackages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// receiver takes notifications by http, as CloudEvents' official library reads them. While it is away it breaks every
// connection.
type receiver struct {
	url string

	mu    sync.Mutex
	away  bool
	tries int // while it is away
	told  []string
	ids   map[string]bool
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{ids: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		if r.isAway() {
			panic(http.ErrAbortHandler)
		}
		e, err := cehttp.NewEventFromHTTPRequest(request)
		if err == nil {
			err = e.Validate()
		}
		if err != nil {
			t.Error(err)
			return
		}
		r.takes(e.ID(), strings.TrimPrefix(e.Type(), "io.daemongate.sync.")+" "+e.Subject())
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/rollouts"
	return r
}

func (r *receiver) isAway() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		r.tries++
	}
	return r.away
}

func (r *receiver) takes(id, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told, r.ids[id] = append(r.told, what), true
}

// goes has it be away, or come back, and returns how often it was tried to reach it while it was away.
func (r *receiver) goes(away bool) (tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
	return r.tries
}

// hears waits until it has been told of these changes, in this order, and of each once.
func (r *receiver) hears(t *testing.T, want []string) {
	t.Helper()
	clustertest.Until(t, 5*time.Minute, fmt.Sprintf("the receiver to hear\n%q", want), func() (string, bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return fmt.Sprintf("%q with %d ids", r.told, len(r.ids)), slices.Equal(r.told, want) && len(r.ids) == len(want)
	})
}
