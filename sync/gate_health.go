package sync

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// ailsAfter is how long a completed commit's workloads are not well before it is said: nodes restart.
const ailsAfter = time.Minute

// health takes in whether what a completed commit wrote is still well. It changes no commit's state: Complete is final.
func (t *turn) health(f *api.Flight) {
	switch {
	case landed(f) && t.o.Health == nil: // as after a restart, until everything has been seen
		return
	case !landed(f) || len(t.o.Health.Ailing) == 0:
		t.s.Ailing = nil
		return
	}
	ailing, a := t.o.Health.Ailing, t.s.Ailing
	if a == nil {
		a = &api.AilingStatus{Since: metav1.NewMicroTime(t.o.Now)}
	}
	a.Count, a.Objects = len(ailing), ailing[:min(len(ailing), maxDrifted)]
	due := a.Since.Add(ailsAfter)
	a.Lasts = a.Lasts || !t.o.Now.Before(due)
	t.wake(due)
	t.s.Ailing = a
}

// ailingWords say what is not well; empty while that may pass.
func ailingWords(a *api.AilingStatus) string {
	if !a.Lasting() || len(a.Objects) == 0 {
		return ""
	}
	return a.Objects[0].Object + ": " + a.Objects[0].Message + others(a.Count)
}

// ails is what a person would want to hear of the difference between two states: that something is not well any more, or
// that all is well again. Where another commit has taken off, neither is known.
func ails(before, now State) (words string, changed bool) {
	changed = before.Ailing.Lasting() != now.Ailing.Lasting()
	return ailingWords(now.Ailing), changed && landed(now.InFlight)
}
