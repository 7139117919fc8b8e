package cause

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// overwritten is the trouble of a DaemonSet of which somebody has changed what the commit asks for. A later generation
// alone is none: `kubectl rollout restart` and webhooks may add to it, and the brake and pace change the update
// strategy.
func overwritten(s *survey.Survey) *survey.Finding {
	if s.Target.Generation == 0 || s.Live.Generation <= s.Target.Generation || s.Target.Applied == nil {
		return nil
	}
	var asked appsv1.DaemonSet // through the API's own types, so that quantities and the like are written alike
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(s.Target.Applied.Object, &asked); err != nil {
		return nil // an object that the API server has accepted can be read
	}
	want, have := specFields(&asked), specFields(s.Live)
	spellOut(want, s.Target.Applied.Object["spec"])
	if s.Brake.Pulled || s.Brake.Paced {
		delete(want, "updateStrategy")
	}
	path, changed := comparison{ours: fact.OwnFields(s.Live.ManagedFields)}.firstChange(want, have, []string{"spec"})
	if !changed {
		return nil
	}
	field, manager := strings.Join(path, "."), fact.ManagerOf(s.Live.ManagedFields, path)
	return s.Ripen(&survey.Finding{
		Code: rollout.Overwritten, About: "field " + field, Since: s.Since(rollout.Overwritten, "", false),
		Message: fmt.Sprintf("%s of DaemonSet %s is no longer what this commit asks for: %s changed it after the apply",
			field, s.Live.Name, manager),
		Remedy: fmt.Sprintf("Have %s leave %s alone, or take the field out of Git, then apply the commit again with "+
			"`daemongate sync`. Who manages what: `kubectl -n %s get ds %s -o yaml --show-managed-fields`.",
			manager, field, s.Live.Namespace, s.Live.Name),
	})
}

// changedBehindUs reports whether a later generation brought another template, when there is nothing to compare it
// with.
func changedBehindUs(s *survey.Survey, current fact.Revision) bool {
	return s.Target.Applied == nil && s.Target.Generation != 0 && s.Live.Generation > s.Target.Generation &&
		s.Before.Hash != "" && s.Before.Hash != current.Hash
}

// cannotTell is the trouble of a changed template while it is unknown what the commit asked for.
func cannotTell(s *survey.Survey) *survey.Finding {
	return &survey.Finding{
		Code: rollout.Overwritten, Since: s.Since(rollout.Overwritten, "", false),
		Message: "the template was changed after the apply, and what this commit asks for has not been rendered " +
			"again yet",
		Remedy: fmt.Sprintf("Wait for the next render. Who changed it: `kubectl -n %s get ds %s -o yaml "+
			"--show-managed-fields`.",
			s.Live.Namespace, s.Live.Name),
	}
}

// specFields are the fields of a spec that say something: the API's types leave the others out.
func specFields(d *appsv1.DaemonSet) map[string]any {
	fields := map[string]any{}
	if raw, err := json.Marshal(d.Spec); err == nil {
		_ = json.Unmarshal(raw, &fields) // it was JSON a line ago
	}
	return fields
}

// spellOut adds what was asked for in so many words although it is what the API's types leave out: false, 0 and "".
func spellOut(fields, asked any) {
	switch asked := asked.(type) {
	case map[string]any:
		there, _ := fields.(map[string]any)
		for name, value := range asked {
			if _, has := there[name]; has {
				spellOut(there[name], value)
			} else if there != nil && isZero(value) {
				there[name] = nil
			}
		}
	case []any:
		there, _ := fields.([]any)
		for i := range min(len(there), len(asked)) {
			spellOut(there[i], asked[i])
		}
	}
}

// isZero reports whether a field says what its absence would say.
func isZero(v any) bool {
	switch v {
	case nil, false, "", int64(0), float64(0):
		return true
	}
	return false
}

// comparison looks for what others changed. A value that is not what was asked for, but is still held by our own apply,
// was made so by a webhook in the course of that apply.
type comparison struct{ ours []byte }

// changed reports whether a field that differs is no longer ours.
func (c comparison) changed(path []string) ([]string, bool) {
	return path, len(c.ours) == 0 || !fact.ManagesField(c.ours, path)
}

// firstChange finds the first field, by name, of which what is there is not what is wanted. More may be there.
func (c comparison) firstChange(want, have any, path []string) ([]string, bool) {
	switch want := want.(type) {
	case nil:
		if isZero(have) {
			return nil, false
		}
		return c.changed(path)
	case map[string]any:
		there, ok := have.(map[string]any)
		if !ok {
			if len(want) == 0 {
				return nil, false
			}
			return c.changed(path)
		}
		for _, name := range fact.SortedKeys(want) {
			if p, changed := c.firstChange(want[name], there[name], append(slices.Clip(path), name)); changed {
				return p, true
			}
		}
		return nil, false
	case []any:
		there, _ := have.([]any)
		return c.firstListChange(want, there, path)
	}
	if want == have {
		return nil, false
	}
	return c.changed(path)
}

// firstListChange compares lists. In those whose elements have a key others may have put elements of their own.
func (c comparison) firstListChange(want, have []any, path []string) ([]string, bool) {
	for i, element := range want {
		key, value := listKey(element)
		if key == "" {
			if len(want) != len(have) {
				return c.changed(path)
			}
			if p, changed := c.firstChange(element, have[i], path); changed {
				return p, true
			}
			continue
		}
		at := slices.IndexFunc(have, func(h any) bool { k, v := listKey(h); return k == key && v == value })
		here := append(slices.Clip(path), fmt.Sprintf("[%s=%v]", key, value))
		if at < 0 {
			return c.changed(here)
		}
		if p, changed := c.firstChange(element, have[at], here); changed {
			return p, true
		}
	}
	return nil, false
}

// listKey is what tells an element of a list from the others: the merge keys of the pod template's lists.
func listKey(element any) (key string, value any) {
	fields, ok := element.(map[string]any)
	if !ok {
		return "", nil
	}
	for _, key := range []string{"name", "mountPath", "devicePath", "containerPort", "topologyKey"} {
		if value, has := fields[key]; has {
			return key, value
		}
	}
	return "", nil
}
