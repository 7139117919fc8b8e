package page

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// reader may get the DaemonSets of one namespace.
type reader struct {
	person
	namespace string
}

func (r reader) reads(_ context.Context, _ schema.GroupVersionResource, namespace, _ string) (bool, error) {
	return namespace == r.namespace, nil
}

// That a commit has changed nothing of pods is said only if every DaemonSet was looked at and has kept its template. A
// revert makes no new template, and is not taken for nothing; what may not be shown is named beside what may.
func TestWhatACommitHasChangedIsNeverCalledNothing(t *testing.T) {
	in := func(namespace string, made ...time.Duration) report.Judged { // with its templates made so long ago
		d := report.Judged{Target: rollout.Target{Namespace: namespace, Name: "agent", AppliedAt: time.Now().Add(-time.Minute)},
			Look: twoTemplates()}
		for i, age := range made {
			d.Look.Revisions[i].CreationTimestamp = metav1.NewTime(time.Now().Add(-age))
		}
		return d
	}
	renewed, untouched := in("logging", time.Hour, 0), in("kept", 2*time.Hour, time.Hour)
	reverted, secret := in("reverted", time.Hour, 2*time.Hour), in("secret", time.Hour, 0)
	doubted := in("doubted", time.Hour, 0)
	doubted.Judgement.Causes = []rollout.Cause{{Code: rollout.Overwritten}}
	deployment := report.Judged{Judgement: rollout.Judgement{Object: "Deployment logging/agent"}}
	for name, one := range map[string]struct {
		judged []report.Judged
		diff   bool
		told   []string
	}{
		"an untouched one": {[]report.Judged{untouched, deployment}, false, []string{noneChanged}},
		"a revert":         {[]report.Judged{untouched, reverted}, false, []string{"DaemonSet reverted/agent has an earlier template"}},
		"one in doubt":     {[]report.Judged{untouched, doubted}, false, []string{"of DaemonSet doubted/agent is not known"}},
		"a new one":        {[]report.Judged{renewed, untouched}, true, []string{""}},
		"all sorts": {[]report.Judged{renewed, secret, reverted, doubted}, true,
			[]string{notShown, "DaemonSet reverted/agent", "DaemonSet doubted/agent"}},
	} {
		s := &api.Sync{}
		s.Status.InFlight = &api.Flight{Commit: "b"}
		text, told, err := templatesOf(t.Context(), reader{namespace: "logging"},
			sight{seen: view.Seen{Sync: s, Judged: one.judged}}, "b")
		if err != nil || strings.Contains(text, "+      - image: agent:v2") != one.diff {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		for _, want := range one.told {
			if !strings.Contains(told, want) || (want == "" || want == noneChanged) && told != want {
				t.Errorf("%s: is told %q, not %q", name, told, want)
			}
		}
	}
}
