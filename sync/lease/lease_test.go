package lease

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Who comes second does nothing, says whom it waits for, and takes over when it has not seen the first one renew for
// the lease time: not later, whatever the pauses of client-go's election are.
func TestTheSecondWaitsAndTakesOverInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		first := s.start(t, "laptop_4711_ABCDEFGH", 0)
		pass(time.Second)
		if err := first.lease.Holds(); err != nil || first.says() != "" {
			t.Fatalf("the first one: %v; told %q", err, first.says())
		}
		second := s.start(t, "daemongate-0_1_IJKLMNOP", 0)
		pass(time.Minute)
		if err := second.lease.Holds(); err == nil || !strings.Contains(err.Error(),
			"process 4711 on laptop has held the Lease daemongate-system/daemongate since") {
			t.Errorf("the second one may write: %v", err)
		}
		if n := strings.Count(second.says(), "waiting: "); n != 1 {
			t.Errorf("told %d times: %s", n, second.says())
		}
		crashed := time.Now()
		first.crash()
		pass(16 * time.Second)
		if took := second.worksSince().Sub(crashed); took < 12*time.Second || took > 15500*time.Millisecond {
			t.Errorf("took over after %s; told %s", took, second.says())
		}
		if !strings.Contains(second.says(), "holds the Lease daemongate-system/daemongate now: process 4711 on "+
			"laptop has not renewed it for 15s") {
			t.Errorf("told %s", second.says())
		}
		pass(10 * time.Second)
		var acquired, renewed time.Time
		s.set(func(s *store) { acquired, renewed = s.record.AcquireTime.Time, s.record.RenewTime.Time })
		if late := second.worksSince().Sub(acquired); late < 0 || late > time.Second {
			t.Errorf("the Lease says that it was acquired at %s, and the work began at %s", acquired,
				second.worksSince())
		}
		if unseen := time.Since(renewed); unseen > 3*time.Second {
			t.Errorf("the Lease was renewed %s ago", unseen)
		}
		second.stop()
		if err := <-second.ended; err != nil {
			t.Error(err)
		}
	})
}

// Who stops keeps the Lease until its work has ended, and then lets it go: the next one begins within a second.
func TestAStopHandsOverWhenTheWorkHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		first := s.start(t, "laptop_1_A", 20*time.Second) // longer than a Lease that is not renewed lasts
		pass(time.Second)
		second := s.start(t, "laptop_2_B", 0)
		pass(time.Second)
		first.stop()
		pass(19 * time.Second)
		if err := first.lease.Holds(); err != nil {
			t.Errorf("what is left of the work may not be written: %v", err)
		}
		if err := <-first.ended; err != nil {
			t.Error(err)
		}
		released := time.Now()
		if err := first.lease.Holds(); err == nil {
			t.Error("writes after the release")
		}
		pass(time.Second)
		if began := second.worksSince(); began.Before(released) || began.IsZero() {
			t.Errorf("released at %s, the second one began at %s", released, began)
		}
		if !strings.Contains(second.says(), "process 1 on laptop let it go") {
			t.Errorf("told %s", second.says())
		}
		second.stop()
		<-second.ended
		if got := s.held(); !slices.Equal(got, []string{"laptop_1_A", "", "laptop_2_B", ""}) {
			t.Errorf("held by %q", got)
		}
	})
}

// Who waits takes over within a second of a stop, however long the Lease would have lasted.
func TestAStopHandsOverAtOnceWhateverTheLeaseTime(t *testing.T) {
	for _, duration := range []time.Duration{3 * time.Second, 15 * time.Second, time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{}
			first := s.startFor(t, "laptop_1_A", duration, 0)
			pass(time.Second)
			second := s.startFor(t, "laptop_2_B", duration, 0)
			pass(time.Second)
			first.stop()
			<-first.ended
			pass(time.Second)
			if second.worksSince().IsZero() {
				t.Errorf("a second after a Lease of %s was let go nobody works", duration)
			}
			second.stop()
			<-second.ended
		})
	}
}

// Who sees another holder writes nothing more, ends with the reason, and leaves the other's Lease alone.
func TestWhoLosesTheLeaseStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		p := s.start(t, "laptop_1_A", 0)
		pass(5 * time.Second)
		s.set(func(s *store) {
			s.record.HolderIdentity = "daemongate-0_1_B"
			s.version++
		})
		took := time.Now()
		err := <-p.ended
		if err == nil || !strings.Contains(err.Error(), "lost the Lease daemongate-system/daemongate: process 1 on "+
			"daemongate-0 holds it now") {
			t.Errorf("ended with %v", err)
		}
		if after := time.Since(took); after > 2500*time.Millisecond {
			t.Errorf("noticed after %s: client-go's election goes on asking for ten seconds", after)
		}
		if p.lease.Holds() == nil {
			t.Error("still writes")
		}
		if s.record.HolderIdentity != "daemongate-0_1_B" {
			t.Errorf("the Lease is %q's now", s.record.HolderIdentity)
		}
	})
}

// Who cannot reach the API server may write nothing after ten seconds, five before others may take over.
func TestWhoCannotRenewStopsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		p := s.start(t, "laptop_1_A", 0)
		pass(5 * time.Second)
		s.set(func(s *store) { s.down = true })
		pass(10100 * time.Millisecond)
		if p.lease.Holds() == nil {
			t.Error("still writes")
		}
		pass(2 * time.Second)
		select {
		case err := <-p.ended:
			if err == nil || !strings.Contains(err.Error(), "it was not renewed for 10s: connection refused") {
				t.Errorf("ended with %v", err)
			}
		default:
			t.Error("still works")
		}
	})
}

// Who was lost to the API server for so long that another one took over does not let go that one's Lease when it ends.
// client-go's own release looks at what it remembers and would.
func TestNobodyReleasesAnothersLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		p := s.start(t, "laptop_1_A", 10*time.Second)
		pass(5 * time.Second)
		s.set(func(s *store) { s.down = true })
		pass(13 * time.Second) // its work is ending
		s.set(func(s *store) {
			s.down = false
			s.record.HolderIdentity = "daemongate-0_1_B"
			s.version++
		})
		<-p.ended
		if s.record.HolderIdentity != "daemongate-0_1_B" {
			t.Errorf("the Lease is %q's now", s.record.HolderIdentity)
		}
	})
}

// Who deletes the Lease does not make two controllers: one that waits gives the holder the rest of its time, in which
// that one makes it again.
func TestDeletingTheLeaseMakesNoTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		first := s.start(t, "laptop_1_A", 0)
		pass(time.Second)
		second := s.start(t, "laptop_2_B", 0)
		pass(time.Second)
		s.set(func(s *store) { s.record = nil })
		pass(time.Minute)
		if err := first.lease.Holds(); err != nil || !second.worksSince().IsZero() {
			t.Errorf("the first one: %v; the second one began at %s", err, second.worksSince())
		}
		first.stop()
		second.stop()
		<-first.ended
		<-second.ended
	})
}

// A Lease that one has no right to ends the wait with what to do; one that cannot be read yet is asked for again.
func TestWhatKeepsTheLeaseAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{forbids: true}
		err := <-s.start(t, "laptop_1_A", 0).ended
		for _, want := range []string{"daemongate-system/daemongate cannot be had", `User "anna"`,
			"needs get, create and update of leases", "--lease-namespace"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
		s = &store{down: true}
		p := s.start(t, "laptop_1_A", 0)
		pass(20 * time.Second)
		if !strings.Contains(p.says(), "cannot be had: connection refused; trying again") {
			t.Errorf("told %s", p.says())
		}
		s.set(func(s *store) { s.down = false })
		pass(time.Second)
		if err := p.lease.Holds(); err != nil {
			t.Error(err)
		}
		p.stop()
		<-p.ended
	})
}

// On a cluster without an installation the Lease's namespace is made with it.
func TestTheNamespaceOfTheLeaseIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{lacksOne: true}
		p := s.start(t, "laptop_1_A", 0)
		pass(time.Second)
		if err := p.lease.Holds(); err != nil {
			t.Error(err)
		}
		p.stop()
		<-p.ended
	})
}
