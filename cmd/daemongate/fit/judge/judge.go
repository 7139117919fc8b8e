// Package judge says whether a cluster is fit for Daemongate, and whether two versions of it go together. It is given
// what was seen.
package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/daemongate/daemongate/rollout/words"
	"github.com/daemongate/daemongate/sync/english"
)

// Level is what a finding comes to.
type Level string

// The levels of findings.
const (
	Good    Level = "good"
	Note    Level = "note"    // to be known; nothing is in the way
	Hinders Level = "hinders" // Daemongate cannot be installed, or cannot work
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level  `json:"level"`
	About string `json:"about"`
	Seen  string `json:"seen"`
	Do    string `json:"do,omitempty"`
}

// Beat is somebody who renews a Lease: a controller of Kubernetes, or a node.
type Beat struct {
	Name    string
	Renewed time.Time
	Unread  string // why it is not known; empty if it is
}

// Seen is what was seen of a cluster.
type Seen struct {
	Kubernetes  string // its version, as the API server says it
	Client      string // the version of this program
	Refused     []string
	Lacking     []string // rights to install, as verb and resource
	Unremoved   []string // rights to remove what an installation has brought
	Controllers []Beat
	Nodes       []Beat
	NodesUnread string
	Now         time.Time     // of the API server; zero if it did not say
	Ahead       time.Duration // of the clock here
	Lease       *Running      // nil if there is none
	LeaseUnread string
}

// Running is who holds the Lease of a controller.
type Running struct {
	Holder  string    `json:"holder,omitempty"`
	Version string    `json:"version,omitempty"`
	Renewed time.Time `json:"renewed,omitzero"`
}

// What is supported, and what is tolerated.
const (
	oldest, newestMinor = 34, 37
	silent              = time.Minute     // since a Lease was renewed
	clocksApart         = 5 * time.Second // half of a node's heartbeat
)

// All are the findings of a look.
func All(s Seen) []Finding {
	found := append([]Finding{kubernetes(s), rights(s)}, refused(s)...)
	return append(append(found, controllers(s)...), clocks(s), running(s))
}

// Fit reports whether nothing hinders.
func Fit(found []Finding) bool {
	return !slices.ContainsFunc(found, func(f Finding) bool { return f.Level == Hinders })
}

func kubernetes(s Seen) Finding {
	f := Finding{Level: Good, About: "Kubernetes", Seen: s.Kubernetes}
	supported := fmt.Sprintf("1.%d to 1.%d are supported", oldest, newestMinor)
	v, err := semver.NewVersion(s.Kubernetes)
	switch {
	case err != nil:
		f.Level, f.Seen = Note, fmt.Sprintf("calls itself %q, which is no version; %s", s.Kubernetes, supported)
	case v.Major() == 1 && v.Minor() < oldest || v.Major() < 1:
		f.Level, f.Do = Hinders, "upgrade the cluster first: "+supported
	case v.Major() > 1 || v.Minor() > newestMinor:
		f.Level, f.Do = Note, "it is newer than what was tried: "+supported
	}
	return f
}

func rights(s Seen) Finding {
	f := Finding{Level: Good, About: "rights", Seen: "you may do all that install and uninstall do"}
	switch {
	case len(s.Lacking) > 0:
		f.Level, f.Seen = Hinders, "you may not "+words.Listed(s.Lacking)
		f.Do = "have somebody install it who may: daemongate install --export prints what is written"
	case len(s.Unremoved) > 0:
		f.Level, f.Seen = Note, "you may install, and may not "+words.Listed(s.Unremoved)
		f.Do = "have somebody who may uninstall it, or install it with less than before"
	}
	return f
}

func refused(s Seen) (found []Finding) {
	for _, what := range s.Refused {
		found = append(found, Finding{Level: Hinders, About: "refused", Seen: what,
			Do: "nothing is installed while one object is refused: change the policy, or what stands in the way"})
	}
	if len(found) == 0 {
		found = []Finding{{Level: Good, About: "refused", Seen: "the API server would take all that install writes"}}
	}
	return found
}

func controllers(s Seen) (found []Finding) {
	for _, c := range s.Controllers {
		f := Finding{Level: Good, About: c.Name, Seen: "is at work"}
		switch late := s.Now.Sub(c.Renewed); {
		case c.Unread != "":
			f.Level, f.Seen = Note, "cannot be looked at: "+c.Unread
		case s.Now.IsZero():
			f.Level, f.Seen = Note, "the API server does not say what time it is"
		case late > silent:
			f.Level, f.Seen = Hinders, "has not renewed its Lease for "+english.Roughly(late)
			f.Do = "without it no DaemonSet gets on: see why it does not run"
		}
		found = append(found, f)
	}
	return found
}

// clocks compares those of this machine and of the nodes with that of the API server, by which rollouts are judged.
func clocks(s Seen) Finding {
	f := Finding{Level: Good, About: "clocks"}
	var ahead, quiet []string
	for _, n := range s.Nodes {
		switch late := s.Now.Sub(n.Renewed); {
		case late < -clocksApart:
			ahead = append(ahead, n.Name)
		case late > silent:
			quiet = append(quiet, n.Name)
		}
	}
	switch {
	case s.NodesUnread != "":
		f.Level, f.Seen = Note, "those of nodes cannot be looked at: "+s.NodesUnread
	case s.Now.IsZero():
		f.Level, f.Seen = Note, "the API server does not say what time it is"
	case len(s.Nodes) == 0:
		f.Level, f.Seen = Note, "there are no nodes"
	case len(ahead) > 0:
		f.Level, f.Seen = Note, "go ahead of the API server's on "+words.FoldSome(ahead)
		f.Do = "have them keep time: a rollout there waits for them"
	case len(quiet) > 0:
		f.Level, f.Seen = Note, "no sign for a minute, or clocks that are late, of "+words.FoldSome(quiet)
		f.Do = "see whether these nodes run"
	default:
		f.Seen = fmt.Sprintf("none of %s is ahead", english.Count(len(s.Nodes), "node"))
	}
	if s.Ahead.Abs() > clocksApart && f.Level == Good {
		f.Level = Note
		f.Seen = fmt.Sprintf("this machine's is %s off the API server's", english.Roughly(s.Ahead.Abs()))
		f.Do = "have it keep time: what commands say of ages is as wrong"
	}
	return f
}

func running(s Seen) Finding {
	f := Finding{Level: Good, About: "Daemongate"}
	switch {
	case s.LeaseUnread != "":
		f.Level, f.Seen = Note, "whether it runs cannot be looked at: "+s.LeaseUnread
	case s.Lease == nil:
		f.Seen = "is not here yet"
	default:
		f.Level, f.Seen = Skew(s.Client, s.Lease, s.Now)
	}
	return f
}

// Skew says whether a client and the controller go together.
func Skew(client string, r *Running, now time.Time) (Level, string) {
	ours, err := semver.NewVersion(client)
	theirs, theirErr := semver.NewVersion(r.Version)
	switch {
	case r.Holder == "":
		return Note, "no controller holds the Lease"
	case !now.IsZero() && now.Sub(r.Renewed) > silent:
		return Note, "no controller has run for " + english.Roughly(now.Sub(r.Renewed))
	case r.Version == "":
		return Note, "the controller does not say its version: it is older than this program"
	case r.Version == client:
		return Good, "the controller is of the same version"
	case err != nil || theirErr != nil:
		return Note, "the controller is of version " + r.Version + ", and which one is newer cannot be told"
	case theirs.LessThan(ours):
		return Note, "the controller is older, " + r.Version + ": what is new in this program it does not know"
	}
	return Note, "the controller is newer, " + r.Version + ": this program may not show all that it says"
}
