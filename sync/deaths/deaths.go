// Package deaths remembers which Syncs were being prepared when a process ended that it should not have: one that
// rendered, or the controller's own.
package deaths

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// How many deaths in a day have a Sync prepared beside no other suspect, and not at all.
const (
	Suspect = 3
	Stop    = 6
	day     = 24 * time.Hour
)

// Add remembers a death at a time, of a spec. One that is remembered already is the same one.
func Add(s *api.RenderStatus, at time.Time, generation int64) *api.RenderStatus {
	when := metav1.NewMicroTime(at.UTC().Truncate(time.Microsecond))
	if s != nil && slices.ContainsFunc(s.Deaths, func(d metav1.MicroTime) bool { return d.Equal(&when) }) {
		return s
	}
	next := &api.RenderStatus{Generation: generation}
	if s != nil {
		next.Deaths = slices.Clone(s.Deaths)
	}
	next.Deaths = append(next.Deaths, when)
	slices.SortFunc(next.Deaths, func(a, b metav1.MicroTime) int { return a.Compare(b.Time) })
	next.Deaths = next.Deaths[max(0, len(next.Deaths)-Stop):]
	return next
}

// Lived remembers that a commit was prepared to its end: a Sync that had stopped goes on, as a suspect.
func Lived(s *api.RenderStatus, now time.Time) *api.RenderStatus {
	if count(s, now) < Stop {
		return s
	}
	return &api.RenderStatus{Generation: s.Generation, Deaths: slices.Clone(s.Deaths[len(s.Deaths)-Suspect:])}
}

// IsSuspect reports whether the Sync is not to be prepared beside another suspect.
func IsSuspect(s *api.RenderStatus, now time.Time) bool { return count(s, now) >= Suspect }

// Stopped says why nothing of a Sync is prepared; empty if it is. One change of its spec, or one request of a person,
// has it tried once more.
func Stopped(s *api.RenderStatus, generation int64, asked bool, now time.Time) string {
	n := count(s, now)
	if n < Stop || asked || generation != s.Generation {
		return ""
	}
	return fmt.Sprintf("nothing of this Sync is rendered any more: %d times within a day a process of Daemongate's "+
		"ended while it was; look at what takes much memory, render less, and ask for another try with daemongate "+
		"sync, or by a change of the spec", n)
}

// count is how many deaths there were in the last day.
func count(s *api.RenderStatus, now time.Time) (n int) {
	if s == nil {
		return 0
	}
	for _, at := range s.Deaths {
		if now.Sub(at.Time) < day {
			n++
		}
	}
	return n
}
