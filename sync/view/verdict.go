package view

import (
	"fmt"
	"strings"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// sentenceOf says how a Sync is. While its commit rolls out that is what was judged, which is newer than the status;
// otherwise what the controller has said.
func sentenceOf(s *api.Sync, told report.Report) string {
	summary, f := s.Status.Summary, s.Status.InFlight
	if f == nil || f.State.Settled() || summary.State != f.State || len(told.DaemonSets) == 0 {
		return english.Join(string(summary.State), ": ", or(summary.Message, outcomeOf(f)))
	}
	worst := &told.DaemonSets[0]
	for i := range told.DaemonSets {
		if d := &told.DaemonSets[i]; rank(d.Verdict) < rank(worst.Verdict) {
			worst = d
		}
	}
	text := worst.Sentence()
	if len(told.DaemonSets) > 1 {
		text = fmt.Sprintf("%s/%s: %s", worst.Namespace, worst.Name, text)
	}
	if worst.Verdict == rollout.Complete && len(told.Objects) > 0 {
		return "waits for " + told.Objects[0].Object + ": " + told.Objects[0].Headline
	}
	return text
}

// rank is the smaller the more a person wants to know of it.
func rank(v rollout.Verdict) int {
	return strings.Index(string(rollout.Stuck+rollout.Progressing+rollout.Complete), string(v))
}

// outcomeOf is what is said of a settled commit about which the controller has said nothing more.
func outcomeOf(f *api.Flight) string {
	if f == nil || f.Nodes.Desired == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s settled", f.Nodes.Settled, english.Count(f.Nodes.Desired, "node"))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
