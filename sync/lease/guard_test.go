package lease

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
)

// transport answers everything.
type transport struct{ sent []string }

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.sent = append(t.sent, r.Method)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// A guarded client reads at any time, and writes only while the Lease is held.
func TestAGuardedClientWritesOnlyWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		p := &process{}
		p.lease = newLease(&client{store: s, name: "laptop_1_A"}, 15*time.Second, func(string) {})
		inner := &transport{}
		guarded := p.lease.Guard(&rest.Config{}).WrapTransport(inner)
		send := func(method string) error {
			r, err := http.NewRequestWithContext(t.Context(), method, "https://cluster.example/apis",
				strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := guarded.RoundTrip(r)
			if err == nil {
				_ = response.Body.Close()
			}
			return err
		}
		tryAll := func(want bool) {
			t.Helper()
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				if err := send(method); (err == nil) != want {
					t.Errorf("%s: %v", method, err)
				}
			}
			if err := send(http.MethodGet); err != nil {
				t.Error(err)
			}
		}
		tryAll(false)
		err := p.lease.Run(t.Context(), func(context.Context) error {
			tryAll(true)
			return errors.New("the end")
		})
		if err == nil || err.Error() != "the end" {
			t.Errorf("ended with %v", err)
		}
		tryAll(false)
		if got := len(inner.sent); got != 7 {
			t.Errorf("sent %q", inner.sent)
		}
	})
}

// Names of holders are for people, those that others made too.
func TestHoldersAreNamed(t *testing.T) {
	if a, b := newIdentity(), newIdentity(); a == b {
		t.Errorf("two processes are both %s", a)
	}
	for identity, want := range map[string]string{
		"daemongate-7f9c_1_ABCDEFGH": "process 1 on daemongate-7f9c",
		"my_host_42_ABCDEFGH":        "process 42 on my_host",
		"somebody else":              "somebody else",
	} {
		if got := describe(identity); got != want {
			t.Errorf("%s is told as %s", identity, got)
		}
	}
	if got := describe(newIdentity()); !strings.HasPrefix(got, "process ") {
		t.Errorf("this process is %s", got)
	}
}
