package main

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// That the pods of the commit in flight would not fit is said by get, status and explain as long as it rolls out, and
// that only whole nodes were weighed.
func TestCommandsSayWhatWouldNotFit(t *testing.T) {
	const warning = "pods of DaemonSet platform/agent would not fit 2 of 3 nodes: each asks for memory 8Gi"
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.Status.InFlight = &api.Flight{Commit: strings.Repeat("b", 40), State: api.RollingOut}
	s.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.RollingOut, Message: "1 of 3 nodes settled"}
	s.Status.Preflight = &api.PreflightStatus{Commit: s.Status.InFlight.Commit, Warning: warning}
	var get, status strings.Builder
	check(t, printSyncs(&get, []*api.Sync{s}, time.Now()))
	check(t, printStatus(&status, s, time.Now()))
	r := report.New()
	r.Waits = view.Waits(s, time.Now())
	for name, text := range map[string]string{"get": get.String(), "status": status.String(), "explain": r.Text()} {
		if strings.Count(text, warning) != 1 {
			t.Errorf("%s does not say it once:\n%s", name, text)
		}
		if name != "get" && !strings.Contains(text, "daemongate plan agents -n platform weighs that too") {
			t.Errorf("%s does not say what was not weighed:\n%s", name, text)
		}
	}
}
