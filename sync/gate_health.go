package sync

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// ailsAfter is how long a completed commit's workloads are not well before it is said: nodes restart.
const ailsAfter = time.Minute

// health takes in whether what a completed commit wrote is still well. It changes no commit's state: Complete is final.
func (t *turn) health(f *api.Flight) {
	ailing := t.o.Ailing
	if !landed(f) || len(ailing) == 0 {
		t.s.Ailing = nil
		return
	}
	a := t.s.Ailing
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
	if a == nil || !a.Lasts || len(a.Objects) == 0 {
		return ""
	}
	words := a.Objects[0].Object + ": " + a.Objects[0].Message
	if a.Count > 1 {
		words += fmt.Sprintf(" (and %d more)", a.Count-1)
	}
	return words
}

// ails is what a person would want to hear of the difference between two states: that something is not well any more, or
// that all is well again.
func ails(before, now *api.AilingStatus) (words string, changed bool) {
	was, is := before != nil && before.Lasts, now != nil && now.Lasts
	return ailingWords(now), was != is
}
