package lease

import (
	"fmt"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// sighting is what a process that waits has seen of a Lease. Only this process' own clock counts: that a Lease was
// renewed is seen by its having changed, not by the time that stands in it.
type sighting struct {
	record  resourcelock.LeaderElectionRecord
	changed time.Time // when it was seen like that first; zero if none was seen yet
	deleted bool
	holder  string // who was seen to hold it last
}

// look notes the Lease as it is now, nil if there is none. Deleting a Lease does not end its holder: that one has what
// is left of its time.
func (s *sighting) look(record *resourcelock.LeaderElectionRecord, now time.Time) {
	s.deleted = record == nil
	if s.deleted || !s.changed.IsZero() && *record == s.record {
		return
	}
	s.record, s.changed = *record, now
	if record.HolderIdentity != "" {
		s.holder = record.HolderIdentity
	}
}

// free reports whether a process may take the Lease: nobody holds it, it does itself, or its holder has not renewed it.
func (s *sighting) free(identity string, now time.Time) bool {
	return s.changed.IsZero() || s.record.HolderIdentity == "" || s.record.HolderIdentity == identity || s.lapsed(now)
}

func (s *sighting) lapsed(now time.Time) bool {
	return now.Sub(s.changed) >= s.duration()
}

func (s *sighting) duration() time.Duration {
	return time.Duration(s.record.LeaseDurationSeconds) * time.Second
}

// words say who holds the Lease.
func (s *sighting) words(lease string) string {
	if s.deleted {
		return fmt.Sprintf("the Lease %s was deleted while %s held it, who may not know yet", lease, describe(s.holder))
	}
	return fmt.Sprintf("%s has held the Lease %s since %s", describe(s.holder), lease,
		s.record.AcquireTime.Local().Format(time.DateTime))
}

// how says why a process that waited need no longer.
func (s *sighting) how() string {
	switch {
	case s.holder == "":
		return "nobody held it"
	case s.deleted:
		return describe(s.holder) + " held it, until it was deleted"
	case s.record.HolderIdentity == "":
		return describe(s.holder) + " let it go"
	}
	return fmt.Sprintf("%s has not renewed it for %s", describe(s.holder), s.duration())
}
