package gate

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What becomes of what a deleted Sync has written: by its policy, by whether it is suspended, and by what the steps
// before came to. Only what is refused, or what cannot even be let go of, has an end of its own.
func TestWhatBecomesOfADeletedSyncsObjects(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	since := func(ago time.Duration) *api.DeletionStatus {
		at := metav1.NewMicroTime(now.Add(-ago))
		return &api.DeletionStatus{RefusedSince: &at}
	}
	refused := &DeletionStep{Problem: "no rights", Refused: true}
	kept := &DeletionStep{Waiting: []api.DeletedObject{{Object: "Job a/b", Finalizers: []string{"x/y"},
		Since: metav1.NewTime(now.Add(-time.Hour))}, {Object: "Job a/c"}}}
	for name, c := range map[string]struct {
		o    Deletion
		want DeletionDecision
		says string
	}{
		"by default it is let go of": {Deletion{Left: 2}, DeletionDecision{LetGo: true}, "the default"},
		"nothing is left":            {Deletion{Policy: api.DeletionPrune}, DeletionDecision{Done: true}, ""},
		"with Prune it is deleted":   {Deletion{Policy: api.DeletionPrune, Left: 2}, DeletionDecision{Delete: true}, ""},
		"a suspended Sync deletes nothing": {Deletion{Policy: api.DeletionPrune, Suspended: true, Left: 2},
			DeletionDecision{LetGo: true}, "suspended"},
		"while all are suspended it waits": {Deletion{Policy: api.DeletionPrune, StoppedForAll: "incident 4711", Left: 2},
			DeletionDecision{}, "stays, and so does the Sync: incident 4711"},
		"also what would be let go of":          {Deletion{StoppedForAll: "incident 4711", Suspended: true, Left: 2, Step: kept}, DeletionDecision{}, "incident 4711"},
		"all are suspended and nothing is left": {Deletion{StoppedForAll: "incident 4711"}, DeletionDecision{Done: true}, ""},
		"what others keep is waited for": {Deletion{Policy: api.DeletionPrune, Left: 2, Step: kept}, DeletionDecision{},
			"waits for Job a/b, which the finalizer x/y keeps (and 1 more)"},
		"a refusal is tried again":          {Deletion{Left: 2, Step: refused}, DeletionDecision{}, "no rights; what is left stays"},
		"a refusal that lasts lets go":      {Deletion{Left: 2, Step: refused, Before: since(time.Minute)}, DeletionDecision{LetGo: true}, "could not be deleted"},
		"a refusal that lasted too":         {Deletion{Left: 2, Step: refused, Before: since(time.Second)}, DeletionDecision{}, "no rights"},
		"who may not let go goes":           {Deletion{Left: 2, Step: &DeletionStep{LetGo: true, Problem: "no rights"}, Before: since(time.Minute)}, DeletionDecision{Done: true}, "could not be taken off"},
		"what time heals has no bound":      {Deletion{Left: 2, Step: &DeletionStep{Problem: "timeout"}, Before: since(time.Hour)}, DeletionDecision{}, "timeout"},
		"what was refused and then was not": {Deletion{Left: 2, Step: &DeletionStep{}, Before: since(time.Hour)}, DeletionDecision{}, "is being deleted"},
	} {
		c.o.Now, c.o.Bound = now, time.Minute
		d := c.o.Decide()
		if d.Delete != c.want.Delete || d.LetGo != c.want.LetGo || d.Done != c.want.Done ||
			!strings.Contains(d.Why+" "+d.Message, c.says) {
			t.Errorf("%s: %+v", name, d)
		}
		if waits := !d.Delete && !d.LetGo && !d.Done; waits != d.Wake.After(now) {
			t.Errorf("%s: looks again at %s", name, d.Wake)
		}
	}
}
