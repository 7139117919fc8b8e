package controller

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/rights"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// asked are the requests of a controller for each Sync of a fleet: what is done in the name of its account, about that
// account, and about the Sync. What is watched is left out.
type asked struct {
	mu gosync.Mutex
	of map[int][]string
}

func (a *asked) by(i int) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.of[i])
}

// counting has the fleet's controller count its requests from now on.
func (f *hookFleet) counting() *asked {
	a := &asked{of: map[int][]string{}}
	config := rest.CopyConfig(f.cluster.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			a.note(r)
			return next.RoundTrip(r)
		})
	})
	cluster := *f.cluster
	cluster.Config = config
	f.cluster = &cluster
	return a
}

var ofSync = regexp.MustCompile(`(?:agents|deployer)-(\d+)`)

func (a *asked) note(r *http.Request) {
	about, what := r.Header.Get("Impersonate-User")+" "+r.URL.Path, r.Method+" "+r.URL.Path
	if path.Base(r.URL.Path) == "events" && r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		event := struct {
			Reason         string
			InvolvedObject struct{ Name string }
		}{}
		if json.Unmarshal(body, &event) == nil {
			about, what = event.InvolvedObject.Name, "Event "+event.Reason
		}
	}
	found := ofSync.FindStringSubmatch(about)
	if found == nil || r.URL.Query().Has("watch") {
		return
	}
	i, _ := strconv.Atoi(found[1]) // it has digits
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of[i] = append(a.of[i], what)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A push costs the Syncs of its repository that it does not concern no request: neither for the account that they write
// as, nor for an Event or their status.
func TestAPushCostsOthersNoRequest(t *testing.T) {
	f := newHookFleet(t)
	f.apart = true
	const n = 4
	f.push(n, "0")
	for i := range n {
		account := fmt.Sprint("deployer-", i)
		f.account(account)
		f.doAsTold(rights.Missing{As: rights.User(f.namespace, account), Resource: "configmaps",
			Namespace: f.namespace}.Advice())
		f.follows(i, "main")
	}
	seen, metrics := f.watch(), clustertest.FreeAddress(t)
	asked := f.counting()
	f.run(Options{Webhooks: f.address, Metrics: metrics})
	f.applied(seen, 0, n, "0")
	for i := range n {
		clustertest.Until(t, time.Minute, "it to be told that a Sync is complete", func() (string, bool) {
			s := f.get(fmt.Sprint("agents-", i))
			return fmt.Sprint(asked.by(i)), slices.Contains(asked.by(i), "Event Complete") && s.Status.InFlight.Pruned
		})
	}
	before := map[int]int{}
	for i := range n {
		before[i] = len(asked.by(i))
	}
	began := time.Now()
	f.push(1, "1")
	if code := f.hook(n-1, "main"); code != http.StatusAccepted {
		t.Errorf("answered %d", code)
	}
	f.applied(seen, 0, 1, "1")
	f.counts(metrics, `daemongate_commits_total{state="Unchanged"} `+strconv.Itoa(n-1))
	slow := time.Since(began) > 5*time.Second // then a Sync may say meanwhile that it looks into the commit
	for i := 1; i < n; i++ {
		more := slices.DeleteFunc(asked.by(i)[before[i]:], func(what string) bool { return slow && path.Base(what) == "status" })
		if len(more) > 0 {
			t.Errorf("a commit that does not concern it cost %q", more)
		}
	}
}

// counts waits until the controller's metrics have a line.
func (f *hookFleet) counts(metrics, line string) {
	f.t.Helper()
	clustertest.Until(f.t, time.Minute, line, func() (string, bool) {
		answer, err := http.Get("http://" + metrics + "/metrics")
		check(f.t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		check(f.t, err)
		return "", strings.Contains(string(text), line+"\n")
	})
}

// get reads a Sync of the namespace.
func (f *hookFleet) get(name string) *api.Sync {
	f.t.Helper()
	client, err := dynamic.NewForConfig(shared.Start(f.t).Config) // whose requests nobody counts
	check(f.t, err)
	s, err := sync.NewSyncs(client).Get(f.t.Context(), f.namespace, name)
	check(f.t, err)
	return s
}
