package view

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Estimate is how fast nodes settle and how long it will take. Nobody knows that: it is worked out from the past.
type Estimate struct {
	// PerMinute is how many nodes settle in a minute.
	PerMinute float64 `json:"perMinute"`
	// Left is in seconds, and Until when that is.
	Left  float64   `json:"leftSeconds"`
	Until time.Time `json:"until"`
	// From is what it is worked out from.
	From string `json:"from"`
	// Commit is the earlier commit that it is worked out from, if it is one.
	Commit string `json:"commit,omitempty"`
}

// What estimates are worked out from.
const (
	FromRollout = "this rollout"
	FromCommit  = "the last complete commit"
	FromProof   = "the proof that is waited for"
)

// Enough is how long a rollout must have gone on before its own pace says anything.
const Enough = 10 * time.Second

// estimateOf works out how long the commit in flight will take; nil if it has settled or if there is nothing to go by.
// How long stages soak, and wait for people, no past says.
func estimateOf(s Seen, counts Counts) *Estimate {
	f := s.Sync.Status.InFlight
	if f == nil || f.State.Settled() || f.Stage != nil || counts.Desired == 0 || len(s.Judged) == 0 {
		return nil
	}
	if until := provingUntil(s.Judged); until.After(s.Now) && counts.Settled >= counts.Desired {
		return &Estimate{Left: until.Sub(s.Now).Seconds(), Until: until, From: FromProof}
	}
	left := counts.Desired - counts.Settled
	began, renewed := f.Since.Time, settledSince(s.Judged)
	took := s.Now.Sub(began)
	if left > 0 && renewed > 0 && took >= Enough {
		return estimate(s.Now, float64(renewed)/took.Minutes(), left, FromRollout, "")
	}
	last, lasted := lastComplete(s.Sync.Status.History, f.Commit)
	if left > 0 && renewed == 0 && lasted > took {
		e := estimate(s.Now, float64(counts.Desired)/lasted.Minutes(), left, FromCommit, last)
		e.Until = began.Add(lasted)
		e.Left = e.Until.Sub(s.Now).Seconds()
		return e
	}
	return nil
}

func estimate(now time.Time, perMinute float64, left int, from, commit string) *Estimate {
	wait := time.Duration(float64(left) / perMinute * float64(time.Minute)).Round(time.Second)
	return &Estimate{PerMinute: perMinute, Left: wait.Seconds(), Until: now.Add(wait), From: from, Commit: commit}
}

// provingUntil is until when every DaemonSet that has not proved itself waits for that alone.
func provingUntil(judged []report.Judged) time.Time {
	var until time.Time
	for i := range judged {
		if p := judged[i].Judgement.Proving; p.After(until) {
			until = p
		}
	}
	return until
}

// settledSince is how many nodes have settled with a pod that the commit in flight brought. A DaemonSet that it leaves
// alone has settled nodes from the beginning.
func settledSince(judged []report.Judged) int {
	settled := 0
	for i := range judged {
		d := &judged[i]
		young := map[string]bool{}
		for _, p := range d.Look.Pods {
			if p.CreationTimestamp.After(d.Target.AppliedAt.Add(-rollout.SkewTolerance)) {
				young[p.Name] = true
			}
		}
		for n := range d.Judgement.Nodes.All() {
			if n.State == rollout.IsSettled && young[n.Pod] {
				settled++
			}
		}
	}
	return settled
}

// lastComplete is the newest complete commit before another one, and how long it took from when it could start.
func lastComplete(history []api.Record, before string) (commit string, took time.Duration) {
	for i, r := range history {
		if r.Commit == before || r.By != "" || r.State != api.Complete {
			continue
		}
		return r.Commit, r.Since.Sub(Began(history, i))
	}
	return "", 0
}

// Began is when a commit of the history could start: when it was seen first, or when the last one before it had settled
// for which it had to wait.
func Began(history []api.Record, i int) time.Time {
	r, began := &history[i], history[i].First.Time
	for _, older := range history[i+1:] {
		if older.By == "" && older.State.Settled() && older.Since.After(began) && older.Since.Before(&r.Since) {
			began = older.Since.Time
		}
	}
	return began
}
