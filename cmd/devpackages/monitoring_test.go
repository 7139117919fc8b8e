package devpackages

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// watching are the queries of the alerts and of the dashboard.
type watching struct {
	alerts map[string]alert
	panels map[string]string
}

// alert fires when its query has answered something for so long.
type alert struct {
	query string
	holds time.Duration
}

var language = parser.NewParser(parser.Options{})

// What is installed for Prometheus' operator is what the operator's own types take, without a field that they do not
// know, and the alerts and the dashboard are what Prometheus and Grafana read.
func TestWhatWatchesIsRead(t *testing.T) {
	installed := objects(t, daemongate(t, "install", "--image", anyImage, "--monitoring", "--export"))
	for id, into := range map[string]any{"PodMonitor": &monitoringv1.PodMonitor{},
		"PrometheusRule": &monitoringv1.PrometheusRule{}} {
		text, err := yaml.Marshal(installed[id+" "+system+"/daemongate"].Object)
		check(t, err)
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	w := watches(t)
	if len(w.alerts) == 0 || len(w.panels) == 0 {
		t.Errorf("%d alerts, %d panels", len(w.alerts), len(w.panels))
	}
	w.areAllPlayed(t)
}

// areAllPlayed holds that every alert has a fault that the story plays, and that one whose query answers while all is
// well waits for long enough.
func (w watching) areAllPlayed(t *testing.T) {
	t.Helper()
	var played []string
	for _, f := range faults {
		played = append(played, f.alerts...)
	}
	slices.Sort(played)
	if all := slices.Sorted(maps.Keys(w.alerts)); !slices.Equal(all, played) {
		t.Errorf("the alerts are %q, and faults are played for %q", all, played)
	}
	for _, name := range onTheWay {
		if w.alerts[name].holds < 30*time.Minute {
			t.Errorf("%s fires %s after something is yet to be told", name, w.alerts[name].holds)
		}
	}
}

// watches reads the files beside the base by Prometheus' and Grafana's libraries.
func watches(t *testing.T) watching {
	t.Helper()
	base := filepath.Join(t.TempDir(), "base")
	daemongate(t, "install", "--image", anyImage, "--export", base)
	rules, err := os.ReadFile(filepath.Join(base, "monitoring", "rules.yaml"))
	check(t, err)
	groups, problems := rulefmt.Parse(rules, false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	if len(problems) > 0 {
		t.Fatalf("rules.yaml: %v", problems)
	}
	w := watching{alerts: map[string]alert{}, panels: map[string]string{}}
	for _, g := range groups.Groups {
		for _, rule := range g.Rules {
			w.alerts[rule.Alert] = alert{rule.Expr, time.Duration(rule.For)}
		}
	}
	text, err := os.ReadFile(filepath.Join(base, "monitoring", "dashboard.json"))
	check(t, err)
	strict, shown := dashboard.Dashboard{}, dashboard.Dashboard{}
	var unknown cog.BuildErrors // which is an error that is not nil when there are none
	if err := strict.UnmarshalJSONStrict(text); err != nil && !(errors.As(err, &unknown) && len(unknown) == 0) {
		t.Errorf("dashboard.json: %v", err)
	}
	check(t, json.Unmarshal(text, &shown))
	if err := shown.Validate(); err != nil {
		t.Errorf("dashboard.json: %v", err)
	}
	for _, p := range shown.Panels {
		for _, target := range p.Panel.Targets {
			said, err := json.Marshal(target)
			check(t, err)
			var query struct{ RefID, Expr string }
			check(t, json.Unmarshal(said, &query))
			w.panels[*p.Panel.Title+" "+query.RefID] = strings.NewReplacer("$__rate_interval", "2m", "$namespace",
				".*", "$cluster", ".*").Replace(query.Expr)
		}
	}
	return w
}
