package outbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/kept"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func told(commit string, state forge.State, text api.Public) report {
	return report{Commit: commit, State: state, Description: text}
}

// all answers that the host has taken a batch.
func took(batch []report) (a forge.Answer) {
	for _, l := range batch {
		a.Told = append(a.Told, forge.Status{Commit: l.Commit})
	}
	return a
}

// Of several states of one commit the host is told the newest; one that was told is not told again.
func TestOutboxKeepsTheNewestStatePerCommit(t *testing.T) {
	b := newOutbox(nil)
	b.put([]report{told("c1", forge.Pending, "Applying"), told("c1", forge.Success, "Complete")})
	batch, _ := b.next(noon)
	if _, unsaved := b.all(); len(batch) != 1 || batch[0].State != forge.Success || !unsaved {
		t.Fatalf("batch %v, unsaved %v", batch, unsaved)
	}
	if err := b.settle(batch, took(batch), noon); err != nil {
		t.Fatal(err)
	}
	b.put([]report{told("c1", forge.Success, "Complete")})
	if again, _ := b.next(noon); len(again) != 0 {
		t.Errorf("told twice: %v", again)
	}
}

// A state that comes while an older one of the same commit is being delivered is delivered, too.
func TestOutboxDeliversWhatCameDuringADelivery(t *testing.T) {
	b := newOutbox(nil)
	b.put([]report{told("c1", forge.Pending, "RollingOut")})
	sending, _ := b.next(noon)
	b.put([]report{told("c1", forge.Failure, "Stuck")})
	_ = b.settle(sending, took(sending), noon)
	if batch, _ := b.next(noon); len(batch) != 1 || batch[0].State != forge.Failure {
		t.Errorf("batch %v", batch)
	}
}

// The outbox is bounded, forgets what the host has before what it has not, and always fits into a ConfigMap.
func TestOutboxIsBounded(t *testing.T) {
	b := newOutbox(nil)
	b.put([]report{told("waiting", forge.Pending, "Held")})
	for i := range 2 * maxOutbox {
		l := told(fmt.Sprintf("%040d", i), forge.Success,
			api.Public(forge.Shorten(strings.Repeat("<\"\U0001F680", 100))))
		l.Time = noon.Add(time.Nanosecond)
		b.put([]report{l})
		_ = b.settle([]report{l}, took([]report{l}), noon)
	}
	all, _ := b.all()
	batch, _ := b.next(noon)
	if len(all) != maxOutbox || len(batch) == 0 || batch[0].Commit != "waiting" {
		t.Errorf("%d reports, batch %v", len(all), batch)
	}
	text, err := kept.Encode(all)
	if err != nil || len(text) > 1<<20 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// A commit that the host does not know is asked about for some minutes, keeps none back, and is then given up with a
// word. What comes of it later is tried once more, without one.
func TestAnUnknownCommitIsGivenUp(t *testing.T) {
	b := newOutbox(nil)
	b.put([]report{told("gone", forge.Pending, "Held"), told("here", forge.Pending, "Held")})
	var said []string
	now, tries := noon, 0
	for range 20 {
		batch, due := b.next(now)
		var a forge.Answer
		for _, l := range batch {
			if l.Commit == "here" {
				a.Told = append(a.Told, forge.Status{Commit: l.Commit})
				continue
			}
			tries++
			a.Unknown = append(a.Unknown, forge.Refusal{Status: forge.Status{Commit: l.Commit},
				Reason: errors.New("it knows no such commit")})
		}
		if err := b.settle(batch, a, now); err != nil {
			said = append(said, err.Error())
		}
		if !due.IsZero() {
			now = due
		}
	}
	if waited := now.Sub(noon); tries != maxMissed || waited < 3*time.Minute || waited > 10*time.Minute {
		t.Errorf("%d tries in %v", tries, waited)
	}
	if len(said) != 1 || !strings.Contains(said[0], "commit gone is given up after 6 times: it knows no such commit") {
		t.Errorf("said %q", said)
	}
	b.put([]report{told("gone", forge.Success, "Complete")})
	batch, _ := b.next(now)
	err := b.settle(batch, forge.Answer{Unknown: []forge.Refusal{{Status: forge.Status{Commit: "gone"}}}}, now)
	if again, due := b.next(now); len(batch) != 1 || err != nil || len(again) != 0 || !due.IsZero() {
		t.Errorf("a later state: %v, said %v, then %v due %v", batch, err, again, due)
	}
}

// Two that the host cannot answer for are tried again, less and less often, while all others go on.
func TestAFailingCommitKeepsNoneBack(t *testing.T) {
	b := newOutbox(nil)
	b.put([]report{told("bad", forge.Pending, "Held"), told("c1", forge.Pending, "Held")})
	batch, _ := b.next(noon)
	bad := forge.Answer{Failed: []forge.Refusal{{Status: forge.Status{Commit: "bad"}, Reason: errors.New("500")}}}
	_ = b.settle(batch, bad, noon)
	b.put([]report{told("c2", forge.Pending, "Held")})
	batch, due := b.next(noon)
	if len(batch) != 2 || !due.Equal(noon.Add(5*time.Second)) {
		t.Errorf("then %v, the bad one at %v", batch, due)
	}
}

// What the status remembers replaces what the outbox knew only if it is newer.
func TestRecallBringsBackWhatACrashLost(t *testing.T) {
	at := func(l report, when time.Time) report { l.Time = when; return l }
	b := newOutbox([]report{at(told("c1", forge.Pending, "RollingOut: 50% of nodes"), noon.Add(time.Minute)),
		at(told("c2", forge.Pending, "RollingOut"), noon)})
	b.recall([]report{at(told("c1", forge.Pending, "RollingOut"), noon), at(told("c2", forge.Success, "Complete"),
		noon.Add(time.Second)),
		at(told("c3", forge.Error, "Failed"), noon)})
	all, _ := b.all()
	got := map[string]string{}
	for _, l := range all {
		got[l.Commit] = string(l.Description)
	}
	if got["c1"] != "RollingOut: 50% of nodes" || got["c2"] != "Complete" || got["c3"] != "Failed" {
		t.Errorf("%v", got)
	}
}
