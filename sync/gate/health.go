package gate

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// AilsAfter is how long a completed commit's workloads are not well before it is said: nodes restart.
const AilsAfter = time.Minute

// health takes in whether what a completed commit wrote is still well. It changes no commit's state: Complete is final.
func (t *turn) health(f *api.Flight) {
	if f.State != api.Complete {
		t.s.Ailing = nil
		return
	}
	if t.o.Health == nil {
		return
	}
	objects := ailingNow(t.s.Ailing, t.o.Health, t.o.Now)
	if len(objects) == 0 {
		t.s.Ailing = nil
		return
	}
	due := objects[0].Since.Add(AilsAfter)
	t.wake(due)
	t.s.Ailing = &api.AilingStatus{Since: objects[0].Since, Lasts: !t.o.Now.Before(due),
		Count: len(objects), Objects: objects[:min(len(objects), maxDrifted)]}
}

// ailingNow are the objects that are not well, the longest first: each since it was first seen not to be. One that
// cannot be seen is as it was.
func ailingNow(before *api.AilingStatus, h *Health, now time.Time) []api.AilingObject {
	var objects []api.AilingObject
	since := map[string]metav1.MicroTime{}
	if before != nil {
		for _, o := range before.Objects {
			since[o.Object] = o.Since
			if h.Unseen[o.Object] {
				objects = append(objects, o)
			}
		}
	}
	for _, o := range h.Ailing {
		var known bool
		if o.Since, known = since[o.Object]; !known {
			o.Since = metav1.NewMicroTime(now)
		}
		objects = append(objects, o)
	}
	slices.SortStableFunc(objects, func(a, b api.AilingObject) int { return a.Since.Compare(b.Since.Time) })
	return objects
}

// AilingWords say what is not well; empty while that may pass.
func AilingWords(a *api.AilingStatus) string {
	if !a.Lasting() || len(a.Objects) == 0 {
		return ""
	}
	return a.Objects[0].Object + ": " + a.Objects[0].Message + others(a.Count)
}

// HealthNews is what a person would want to hear of the difference between two states: that something is not well
// any more, or that all is well again. Where another commit has taken off, neither is known.
func HealthNews(before, now State) (words string, changed bool) {
	changed = before.Ailing.Lasting() != now.Ailing.Lasting()
	return AilingWords(now.Ailing), changed && now.InFlight.IsComplete()
}
