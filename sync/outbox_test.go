package sync

import (
	"fmt"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
)

func told(commit string, state forge.State, text string) forge.Status {
	return forge.Status{Commit: commit, Context: "daemongate/test", State: state, Description: text}
}

// Of several states of one commit the host is told the newest; one that was told is not told again.
func TestOutboxKeepsTheNewestStatePerCommit(t *testing.T) {
	b := newOutbox(nil)
	b.put([]forge.Status{told("c1", forge.Pending, "Applying"), told("c1", forge.Success, "Complete")})
	_, undelivered, unsaved := b.snapshot()
	if len(undelivered) != 1 || undelivered[0].State != forge.Success || !unsaved {
		t.Fatalf("undelivered %v, unsaved %v", undelivered, unsaved)
	}
	b.delivered(undelivered)
	b.put([]forge.Status{told("c1", forge.Success, "Complete")})
	if _, again, _ := b.snapshot(); len(again) != 0 {
		t.Errorf("told twice: %v", again)
	}
}

// A state that comes while an older one of the same commit is being delivered is delivered, too.
func TestOutboxDeliversWhatCameDuringADelivery(t *testing.T) {
	b := newOutbox(nil)
	b.put([]forge.Status{told("c1", forge.Pending, "RollingOut")})
	_, sending, _ := b.snapshot()
	b.put([]forge.Status{told("c1", forge.Failure, "Stuck")})
	b.delivered(sending)
	_, undelivered, _ := b.snapshot()
	if len(undelivered) != 1 || undelivered[0].State != forge.Failure {
		t.Errorf("undelivered %v", undelivered)
	}
}

// The outbox is bounded, and forgets what the host has before what it has not.
func TestOutboxIsBounded(t *testing.T) {
	b := newOutbox(nil)
	b.put([]forge.Status{told("waiting", forge.Pending, "Held")})
	for i := range 2 * maxOutbox {
		b.put([]forge.Status{told(fmt.Sprint("c", i), forge.Success, "Complete")})
		_, undelivered, _ := b.snapshot()
		if i > 0 {
			b.delivered(undelivered[1:])
		}
	}
	all, undelivered, _ := b.snapshot()
	if len(all) != maxOutbox || len(undelivered) == 0 || undelivered[0].Commit != "waiting" {
		t.Errorf("%d letters, %d undelivered", len(all), len(undelivered))
	}
}
