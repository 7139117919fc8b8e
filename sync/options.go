package sync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync/alerts"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/pacing"
)

// RolloutOptions are the figures of a Sync's spec. The error names every field that cannot be read, which is as if it
// were not set.
func RolloutOptions(s *api.Sync) (rollout.Options, error) {
	budget, budgetErr := share("spec.gate.failureBudget", s.Spec.Gate.FailureBudget)
	removed, removedErr := share("spec.rollout.maxRemoved", s.Spec.Rollout.MaxRemoved)
	absent, absentErr := share("spec.rollout.maxAbsent", s.Spec.Rollout.MaxAbsent)
	after, afterErr := times(s.Spec.Rollout.After)
	err := errors.Join(budgetErr, removedErr, absentErr, afterErr)
	if err != nil {
		err = fmt.Errorf("Sync %s/%s: %w", s.Namespace, s.Name, err)
	}
	o := rollout.Options{
		Settle: s.Spec.Rollout.Settle.Duration, Probation: s.Spec.Rollout.Probation.Duration,
		ProgressDeadline: s.Spec.Gate.ProgressDeadline.Duration, FailureBudget: budget, MaxRemoved: removed,
		AbsentBudget: absent, After: after,
		WaitOnDelete: s.Spec.Rollout.OnDelete == api.OnDeleteWait,
		NoBrake:      s.Spec.Rollout.Brake != nil && !*s.Spec.Rollout.Brake,
	}
	if p := s.Spec.Rollout.Proof; p != nil {
		o.Proof, o.NoProof = p.Duration, p.Duration <= 0
	}
	return o, err
}

// figuresOf are the figures that a flight is judged by. What of them cannot be read the status says: it stops no
// judgement, and no brake.
func figuresOf(s *api.Sync) rollout.Options {
	o, _ := RolloutOptions(s)
	return o
}

// specProblem says which fields of a spec cannot be read that the API server took all the same, as it may have before
// the schema knew of them. Nothing is rendered as long as there is one.
func specProblem(s *api.Sync) error {
	_, rolloutErr := RolloutOptions(s)
	_, _, renderErr := RenderOptions(s)
	_, paceErr := pacing.PlanOf(s)
	if gate := pacing.AlertsGate(s); gate != nil {
		if _, err := alerts.ParseMatchers(gate.Matchers); err != nil {
			paceErr = errors.Join(paceErr, fmt.Errorf("spec.rollout.pace.gates.alerts.matchers: %w", err))
		}
	}
	if paceErr != nil {
		paceErr = fmt.Errorf("Sync %s/%s: %w", s.Namespace, s.Name, paceErr)
	}
	return errors.Join(rolloutErr, renderErr, paceErr)
}

// share reads a number or a percentage; none is the default.
func share(field string, written *intstr.IntOrString) (intstr.IntOrString, error) {
	if written == nil {
		return intstr.IntOrString{}, nil
	}
	v, err := rollout.ParseBudget(written.String())
	if err != nil {
		return v, fmt.Errorf("%s: %w", field, err)
	}
	return v, nil
}

// times reads how long each cause must last.
func times(after map[string]api.Span) (map[rollout.Code]time.Duration, error) {
	var problems []error
	all := make(map[rollout.Code]time.Duration, len(after))
	for _, name := range slices.Sorted(maps.Keys(after)) {
		code := rollout.Code(name)
		lasts, err := time.ParseDuration(string(after[name]))
		switch {
		case !code.HasTime():
			problems = append(problems, fmt.Errorf("spec.rollout.after.%s: no cause that has a time of its own; "+
				"docs/troubleshooting.md has the causes, and spec.gate.progressDeadline is the time of NoProgress "+
				"and ApplyFailed", name))
		case err != nil || lasts < 0:
			problems = append(problems, fmt.Errorf("spec.rollout.after.%s: %q is not a length of time such as 90s, "+
				"15m or 1h30m", name, after[name]))
		default:
			all[code] = lasts
		}
	}
	return all, errors.Join(problems...)
}

// RenderOptions are the bounds of a Sync's spec.render, without remote bases. The error names the field.
func RenderOptions(s *api.Sync) (render.Options, child.Limits, error) {
	r := s.Spec.Render
	file, fileErr := bytesOf("spec.render.maxFileSize", r.MaxFileSize)
	total, totalErr := bytesOf("spec.render.maxTotalSize", r.MaxTotalSize)
	memory, memoryErr := bytesOf("spec.render.maxMemory", r.MaxMemory)
	if memory > 0 && memory < child.LeastMemory {
		memoryErr = fmt.Errorf("spec.render.maxMemory: %s is less than the %dMi that any render needs",
			r.MaxMemory, child.LeastMemory>>20)
	}
	if err := errors.Join(fileErr, totalErr, memoryErr); err != nil {
		return render.Options{}, child.Limits{}, fmt.Errorf("Sync %s/%s: %w", s.Namespace, s.Name, err)
	}
	return render.Options{FileSize: file, TotalSize: total, Objects: r.MaxObjects,
			Namespace: s.Spec.Apply.TargetNamespace},
		child.Limits{Memory: memory, Timeout: r.Timeout.Duration, Tenant: s.Namespace}, nil
}

// RenderCeilings are what no Sync may exceed, whatever its spec.render asks for: who writes a Sync is to be limited by
// them. A zero bounds nothing.
type RenderCeilings struct {
	FileSize, TotalSize, Memory int64 // bytes
	Objects                     int
	Timeout                     time.Duration
}

// Limits are the bounds of a Sync's renders under the ceilings, and which of those that its spec asks for do not count.
func (c RenderCeilings) Limits(s *api.Sync) (o render.Options, l child.Limits, lowered []string, err error) {
	if o, l, err = RenderOptions(s); err != nil {
		return o, l, nil, err
	}
	o, l = o.WithDefaults(), l.WithDefaults()
	r := s.Spec.Render
	lower := func(field, asked, flag, counts string) {
		lowered = append(lowered, fmt.Sprintf("spec.render.%s %s is more than this controller lets any Sync have: "+
			"%s counts (%s)", field, asked, counts, flag))
	}
	if exceeds(&o.FileSize, c.FileSize) {
		lower("maxFileSize", r.MaxFileSize, "--render-max-file-size", inBytes(o.FileSize))
	}
	if exceeds(&o.TotalSize, c.TotalSize) {
		lower("maxTotalSize", r.MaxTotalSize, "--render-max-total-size", inBytes(o.TotalSize))
	}
	if exceeds(&o.Objects, c.Objects) {
		lower("maxObjects", fmt.Sprint(r.MaxObjects), "--render-max-objects", fmt.Sprint(o.Objects))
	}
	if exceeds(&l.Timeout, c.Timeout) {
		lower("timeout", r.Timeout.Duration.String(), "--render-timeout", l.Timeout.String())
	}
	if exceeds(&l.Memory, c.Memory) {
		lower("maxMemory", r.MaxMemory, "half of --render-memory", inBytes(l.Memory))
	}
	return o, l, lowered, nil
}

// exceeds lowers a figure to a ceiling, and reports whether it was above it.
func exceeds[T int | int64 | time.Duration](figure *T, ceiling T) bool {
	if ceiling <= 0 || *figure <= ceiling {
		return false
	}
	*figure = ceiling
	return true
}

func inBytes(n int64) string { return resource.NewQuantity(n, resource.BinarySI).String() }

// bytesOf reads a quantity of bytes; an empty text is the default.
func bytesOf(field, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	q, err := resource.ParseQuantity(text)
	if err != nil || q.Value() <= 0 {
		return 0, fmt.Errorf("%s: %q is no size: write it as 4Mi or 500k", field, text)
	}
	return q.Value(), nil
}

// renderOptions are a Sync's bounds, which of those that it asks for do not count, and its way to remote bases if they
// are allowed.
func (p *preparation) renderOptions() (o render.Options, limits child.Limits, lowered []string, err error) {
	o, limits, lowered, err = p.Preparing.Renders.Limits(p.sync)
	if err != nil || !p.sync.Spec.Render.AllowRemoteBases {
		return o, limits, lowered, err
	}
	o.Base = func(ctx context.Context, url, commit string) (fs.FS, error) {
		tree, err := p.source.Base(ctx, p.sync, url, commit)
		if err != nil {
			return nil, err
		}
		return tree, nil
	}
	return o, limits, lowered, nil
}
