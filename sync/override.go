package sync

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/promotion"
)

// overrideAnnotation holds an api.Override as JSON.
const overrideAnnotation = "daemongate.io/override-window"

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// overrideOf reads the override that a person asked for, nil if none did.
func overrideOf(s *api.Sync) (*api.Override, error) {
	text := s.Annotations[overrideAnnotation]
	if text == "" {
		return nil, nil
	}
	v := &api.Override{}
	err := json.Unmarshal([]byte(text), v)
	switch {
	case err != nil:
	case !fullHash.MatchString(v.Commit):
		err = fmt.Errorf("its commit %q is not a full hash", v.Commit)
	case strings.TrimSpace(v.Reason) == "":
		err = fmt.Errorf("it gives no reason")
	}
	if err != nil {
		return nil, fmt.Errorf("the annotation %s cannot be read: %w", overrideAnnotation, err)
	}
	v.Manager = managerOf(s.ManagedFields, overrideAnnotation)
	return v, nil
}

// managerOf is the field manager that wrote an annotation last, by the API server's record; empty if that does not say.
func managerOf(entries []metav1.ManagedFieldsEntry, annotation string) string {
	var newest metav1.ManagedFieldsEntry
	for _, e := range entries {
		var fields struct {
			Metadata struct {
				Annotations map[string]json.RawMessage `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, wrote := fields.Metadata.Annotations["f:"+annotation]; wrote && !e.Time.Before(newest.Time) {
			newest = e
		}
	}
	return newest.Manager
}

// atTheGate adds to an observation what the clock, a person and those who go before say.
func (l *syncLoop) atTheGate(o *gate.Observation) {
	o.Window = l.openings.Look(l.sync, o.Now)
	v, err := overrideOf(l.sync)
	if o.Override = v; err != nil && o.Window.Closed != "" {
		o.Window.Closed += "; " + api.Public(api.TextOf(err))
	}
	if len(l.sync.Spec.Gate.After) > 0 && o.History != nil {
		before := func(name string) *api.Sync { return l.Find(l.sync.Namespace + "/" + name) }
		others := func(a api.After) promotion.Clusters {
			seen := l.source.Others(a)
			seen.Trouble = cmp.Or(seen.Trouble, o.PollProblem) // what they have told since is not known
			return seen
		}
		o.Upstream = promotion.Look(promotion.RulesOf(l.sync, before, l.Cluster, others), o.History.Commits, o.Now)
	}
}

// Override lets one commit start outside the windows, once.
func (s *Syncs) Override(ctx context.Context, namespace, name string, v api.Override) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.annotate(ctx, namespace, name, overrideAnnotation, string(text))
}

// Promote says that a person lets a paced rollout go on after a stage, once.
func (s *Syncs) Promote(ctx context.Context, namespace, name, commit string, index int32, now time.Time) error {
	return s.annotate(ctx, namespace, name, pacing.PromoteAnnotation,
		gate.PromotionOf(commit, index)+" "+now.UTC().Format(time.RFC3339Nano))
}

// Pause has the paced rollouts of a Sync stand still until Unpause.
func (s *Syncs) Pause(ctx context.Context, namespace, name string, p api.Pause) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.annotate(ctx, namespace, name, pacing.PauseAnnotation, string(text))
}

// Unpause lets them go on, and reports whether they were paused.
func (s *Syncs) Unpause(ctx context.Context, namespace, name string) (changed bool, err error) {
	before, err := s.Get(ctx, namespace, name)
	if err != nil || pacing.PauseOf(before) == nil {
		return false, err
	}
	return true, s.patch(ctx, namespace, name,
		map[string]any{"metadata": map[string]any{"annotations": map[string]any{pacing.PauseAnnotation: nil}}})
}
