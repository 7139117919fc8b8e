package devpackages

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/controller"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/lease"
)

// panics has two controllers of this process go on, the same as those of the program but for their connection: it
// panics when a commit's agent is tried, once. The panic is caught, counted and logged, and the commit comes through.
// Nothing is known that has the program itself panic.
func (s *story) panics(t *testing.T) {
	t.Helper()
	var faulty atomic.Bool
	config := rest.CopyConfig(s.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/daemonsets/agent") &&
				r.URL.Query().Has("dryRun") && faulty.CompareAndSwap(true, false) {
				panic("a fault that is played")
			}
			return next.RoundTrip(r)
		})
	})
	said := &written{}
	for range 2 {
		s.runsHere(t, config, said)
	}
	well := s.isWell(t)
	faulty.Store(true)
	commit := s.pushes(t, "registry.local/agent:v11")
	clustertest.Until(t, 3*time.Minute, "the panic to be counted", func() (string, bool) {
		caught := sum(s.scraped(t), "daemongate_panics_total", "")
		return fmt.Sprintf("%g", caught), caught == 1
	})
	s.fires(t, well, 10*time.Minute, "DaemongatePanics")
	s.comesTo(t, commit, api.Complete)
	s.isWell(t)
	if log := said.String(); !strings.Contains(log, "panic") || !strings.Contains(log, "panic_test.go") {
		t.Errorf("the log does not have the stack of the panic:\n%s", log)
	}
}

// runsHere runs a controller in this process until the test ends, and waits until it is ready.
func (s *story) runsHere(t *testing.T, config *rest.Config, said *written) {
	t.Helper()
	hooks, metrics := clustertest.FreeAddress(t), clustertest.FreeAddress(t)
	s.base = "http://" + hooks
	s.scrape = append(s.scrape, "http://"+metrics+"/metrics")
	log := logrus.New() // controller.NewLog would have client-go write there too, which others do already
	log.SetOutput(said)
	c, err := controller.New(config, controller.Options{Workers: 2, PrepareWorkers: 2, MetricsAuth: true,
		DataDir:  filepath.Join(s.dir, fmt.Sprintf("data-%d", len(s.scrape))),
		Webhooks: hooks, Metrics: metrics, Out: said, Log: log,
		Lease: lease.Options{Namespace: system, Name: "daemongate", Duration: time.Minute,
			Tell: func(text string) { _, _ = fmt.Fprintln(said, text) }}})
	check(t, err)
	ended, ctx := make(chan error, 1), t.Context() // which ends before the cleanup
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	})
	s.isReady(t)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// written is what several have written.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(text)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
