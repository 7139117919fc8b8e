package sync

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/judge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// relapseWithin is how long after Complete a relapse is told on the commit, where the spec does not say.
const relapseWithin = 10 * time.Minute

// relapseOf is for how long a spec asks to look for relapses.
func relapseOf(s *api.Sync) time.Duration {
	if r := s.Spec.Gate.Relapse; r != nil {
		return r.Duration
	}
	return relapseWithin
}

// mayRelapse reports whether a completed flight is still judged: for a while, and as long as it has relapsed.
func (fl *flight) mayRelapse(now time.Time) bool {
	l, f := fl.loop, fl.status()
	return f.IsComplete() && (f.Relapse != nil || gate.MayRelapse(f, relapseOf(l.sync), now))
}

// relapse is what the newest look for relapses came to.
type relapse struct {
	at   time.Time
	seen *gate.Relapse
}

// lookForRelapse judges the DaemonSets of a completed flight once more, from the caches that it was judged from before:
// nothing is read, and nothing remembered. It returns nil if nothing can be said.
func (fl *flight) lookForRelapse(now time.Time) (*gate.Relapse, error) {
	l := fl.loop
	if !fl.mayRelapse(now) {
		fl.relapse = relapse{}
		return nil, nil
	}
	f := l.sync.Status.InFlight
	if f.Relapse == nil {
		l.sleep(f.Completed.Add(relapseOf(l.sync))) // to stop watching
	}
	due := fl.relapse.at.Add(lookPause)
	if now.Before(due) {
		l.sleep(due)
		return fl.relapse.seen, nil
	}
	seen, err := fl.judgeRelapse(now)
	fl.relapse = relapse{now, seen}
	return seen, err
}

// judgeRelapse judges every DaemonSet of a flight. One that cannot be seen, or of which somebody has changed the
// template, tells nothing of the commit, but what another one tells holds.
func (fl *flight) judgeRelapse(now time.Time) (*gate.Relapse, error) {
	l, f := fl.loop, fl.status()
	targets, memories, options, err := fl.recallAll(time.Time{})
	if err != nil {
		return nil, err
	}
	seen := &gate.Relapse{Commit: f.Commit, Digest: f.Digest, Well: true}
	var broken []rollout.Judgement
	for i, w := range f.Workloads {
		if !w.IsDaemonSet() {
			continue
		}
		look, synced := l.Observer().Look(targets[i])
		look.Now = now
		target, memory := byName(targets[i], memories[i], look)
		j, after := judge.RolloutAgain(fl.caches.of(target), look, target, memory, options)
		l.sleep(j.Wake)
		if !synced || after.Hash != memory.Hash {
			seen.Well = false
			continue
		}
		if relapsed, is := judge.Relapsed(j, options); is {
			seen.Causes = append(seen.Causes, causesOf(w, relapsed, tellingOf(l.sync))...)
			broken = append(broken, relapsed)
		}
		seen.Well = seen.Well && judge.Recovered(j, options)
	}
	if len(broken) > 0 {
		seen.Message, seen.Well = summaryFor(broken), false
		seen.Causes = seen.Causes[:min(len(seen.Causes), maxCauses)]
	}
	return seen, nil
}
