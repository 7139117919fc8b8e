package pacing

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// PlanOf is what a spec asks for, nil if its rollouts are not paced. The error names the field that cannot be read.
func PlanOf(s *api.Sync) (*pace.Plan, error) {
	asked := s.Spec.Rollout.Pace
	if asked == nil || s.Spec.Rollout.OnDelete != api.OnDeletePace {
		return nil, nil
	}
	plan := &pace.Plan{ID: digestOf(&api.Pace{Stages: asked.Stages}), Before: digestOf(withoutGates(asked)),
		MaxUnavailable: asked.MaxUnavailable}
	var problems []error
	for i, st := range asked.Stages {
		stage := pace.Stage{Name: st.Name, AtMost: int(st.AtMost), Each: st.Each, Order: st.Order,
			Soak: st.Soak.Duration, Approve: st.Approve, Overlap: st.Overlap}
		if st.Each == corev1.LabelHostname && s.Spec.Report.CountsOnly() {
			problems = append(problems, fmt.Errorf("spec.rollout.pace.stages[%d].each: a stage would be called by the "+
				"name of a node, which spec.report.inCluster: Counts does not tell", i))
		}
		if b := st.Batches; b != nil {
			stage.First, stage.Factor = int(b.First), max(1, int(b.Factor))
		}
		if st.Nodes != nil {
			var err error
			if stage.Nodes, err = metav1.LabelSelectorAsSelector(st.Nodes); err != nil {
				problems = append(problems, fmt.Errorf("spec.rollout.pace.stages[%d].nodes: %w", i, err))
				stage.Nodes = labels.Nothing()
			}
		}
		plan.Stages = append(plan.Stages, stage)
	}
	return plan, errors.Join(problems...)
}

func withoutGates(p *api.Pace) *api.Pace {
	without := *p
	without.Gates = nil
	return &without
}

func digestOf(p *api.Pace) string {
	text, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))[:12]
}

// Refuses says which DaemonSets of a set cannot be paced as their Sync asks for, and what to do; nil if all can. They
// are as the commit has them. The last complete commit is refused nothing: it is gone back to, from before there was a
// pace, by the way that its DaemonSets ask for.
func Refuses(s *api.Sync, commit string, set []*appsv1.DaemonSet) error {
	if s.Spec.Rollout.Pace == nil || commit != "" && commit == s.Status.LastComplete {
		return nil
	}
	var problems []error
	for _, d := range set {
		problems = append(problems, refuses(s.Spec.Rollout.Pace, d))
	}
	return errors.Join(problems...)
}

func refuses(p *api.Pace, d *appsv1.DaemonSet) error {
	if surge := surgeOf(d.Spec.UpdateStrategy); surge != "" && !p.AllowGap {
		return fmt.Errorf("DaemonSet %s/%s: pace leaves a gap between the old pod and the new one, and its maxSurge "+
			"%s asks for none: set maxSurge to 0, or spec.rollout.pace.allowGap of the Sync to true", d.Namespace,
			d.Name, surge)
	}
	return nil
}

// surgeOf is the maxSurge that a strategy asks for, empty if it asks for none.
func surgeOf(strategy appsv1.DaemonSetUpdateStrategy) string {
	r := strategy.RollingUpdate
	if r == nil || r.MaxSurge == nil {
		return ""
	}
	if v := r.MaxSurge.String(); strings.TrimRight(v, "0%") != "" {
		return v
	}
	return ""
}

// Hollow says which stages would prove nothing of a set, since no node falls into them; nil if all have some.
func Hollow(s *api.Sync, set []*appsv1.DaemonSet, nodes []*corev1.Node, now time.Time) (warnings []string) {
	plan, err := PlanOf(s)
	if plan == nil || err != nil {
		return nil
	}
	for _, name := range pace.Hollow(*plan, set, nodes, now) {
		warnings = append(warnings, fmt.Sprintf("no node falls into stage %s of spec.rollout.pace: it is passed at "+
			"once, without soak or approval; see its labels, and `kubectl get nodes --show-labels`", name))
	}
	return warnings
}

// mostAtOnce is how many objects one warning names that no stage holds back.
const mostAtOnce = 10

// AtOnce says what of a commit no stage holds back, nil if its DaemonSets are not paced or nothing else has changed. A
// ConfigMap or Secret that is new has a name of its own, which pods get to know by a new template alone.
func AtOnce(s *api.Sync, applied []manifests.Applied) []string {
	var names []string
	rolls := false
	for _, a := range applied {
		isData := a.Group == "" && (a.Kind == "ConfigMap" || a.Kind == "Secret")
		switch {
		case !a.Changed:
		case a.Group == appsv1.GroupName && a.Kind == "DaemonSet":
			rolls = rolls || !a.Created
		case !isData || !a.Created:
			names = append(names, a.ID.String())
		}
	}
	if s.Spec.Rollout.Pace == nil || !rolls || len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	text := strings.Join(names[:min(len(names), mostAtOnce)], ", ")
	if more := len(names) - mostAtOnce; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return []string{"not paced, but applied on all nodes before the first stage: " + text}
}
