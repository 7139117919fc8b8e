package survey

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// Finding is one cause on one node, or of the DaemonSet as a whole.
type Finding struct {
	Code rollout.Code
	// Key tells causes of one code apart: findings that share it have one message, one remedy, and become one Cause.
	Key        string
	Node, Pod  string
	At         *Site // the node's; nil of a finding about the DaemonSet as a whole
	Container  string
	Nodes      []string // of a finding about the DaemonSet as a whole
	About      string   // see Cause.About
	Message    string
	Remedy     string
	Log        string // see Cause.Log
	Since      time.Time
	Shortfalls []rollout.Shortfall
	Relief     *rollout.Relief
	Final      bool // has lasted long enough
	Deep       bool // leads over everything else
}

// Ripen makes a finding final once it has lasted long enough, and asks for a look at that instant.
func (s *Survey) Ripen(f *Finding) *Finding {
	instant := f.Since.Add(s.Options.TimeFor(f.Code))
	f.Final = s.Reached(instant)
	s.WakeAt(instant)
	return f
}

// RipenCounted makes a finding final that is not waited for but counted: at the second time. An After that was set for
// it must have passed as well.
func (s *Survey) RipenCounted(f *Finding, times int) *Finding {
	f = s.Ripen(f)
	f.Final = times >= 2 && (f.Final || !HasAfter(s, f.Code))
	return f
}

// HasAfter reports whether somebody has set how long a cause must last.
func HasAfter(s *Survey, c rollout.Code) bool {
	_, set := s.Options.After[c]
	return set
}

// Leads orders findings: those that make the verdict first, then the deeper ones.
func (f *Finding) Leads(g *Finding) int {
	first := func(yes, no bool) int {
		switch {
		case yes == no:
			return 0
		case yes:
			return -1
		}
		return 1
	}
	return cmp.Or(first(f.Final, g.Final), first(f.Deep, g.Deep), cmp.Compare(rollout.Depth(f.Code),
		rollout.Depth(g.Code)))
}

// Lead is the finding of two that leads.
func Lead(a, b *Finding) *Finding {
	if b.Leads(a) < 0 {
		return b
	}
	return a
}

// Evidence tells a finding from others of its code, in a few bytes.
func (f *Finding) Evidence() string {
	if len(f.Key) <= 40 {
		return f.Key
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(f.Key)))[:16]
}

// AddImages says of a pod that waits for an image which further ones of it cannot be had either: to mend one alone
// would be the next stuck commit.
func (f *Finding) AddImages(all []*Finding) {
	isImage := func(f *Finding) bool { return f.Code == rollout.ImagePull || f.Code == rollout.InvalidImage }
	var more []string
	for _, g := range all {
		if isImage(f) && isImage(g) && g.Key != f.Key && !slices.Contains(more, g.About) {
			more = append(more, g.About)
		}
	}
	if len(more) > 0 {
		f.Message += fmt.Sprintf(". What cannot be had either: %s", strings.Join(more, "; "))
	}
}
