package screen

import (
	"slices"

	"github.com/daemongate/daemongate/sync/view"
)

// Act is something that the user wants done that the screen cannot do itself.
type Act struct {
	Do Deed
	// Commit is what is to be released.
	Commit string
	// Promotion is of the stage after which the commit is to go on.
	Promotion view.Promotion
	// On says whether to suspend or to resume, to pause or to go on.
	On bool
}

// Deed is what an Act is about.
type Deed string

// What can be asked for. Sync and what stands after it are only returned after the user was asked and has said yes.
const (
	Nothing Deed = ""
	Quit    Deed = "quit"
	Explain Deed = "explain"
	Log     Deed = "log"
	Diff    Deed = "diff"
	Sync    Deed = "sync"
	Release Deed = "release"
	Suspend Deed = "suspend"
	Promote Deed = "promote"
	Pause   Deed = "pause"
)

// Offer is what can be asked for now.
type Offer struct {
	// Release is the commit that a release would speak of, and Is how that is; empty if there is none.
	Release, Is string
}

// Key takes a key and returns what is to be done.
func (m *Model) Key(key string) Act {
	m.stale = true
	m.told = ""
	if m.asked != (Act{}) {
		act := m.asked
		m.asked = Act{}
		if key == "y" || key == "Y" {
			return act
		}
		m.told = "nothing was done"
		return Act{}
	}
	if key == "ctrl+c" {
		return Act{Do: Quit}
	}
	if m.move(key) {
		return Act{}
	}
	if m.page != nil {
		m.page, m.scroll = nil, 0
		return Act{}
	}
	return m.press(key)
}

// press takes a key that is no movement.
func (m *Model) press(key string) Act {
	switch key {
	case "q", "esc":
		return Act{Do: Quit}
	case "?", "h":
		m.Show("help", help)
	}
	if m.view == nil {
		return Act{}
	}
	switch key {
	case "g":
		m.regroup()
	case "n":
		m.Show("nodes", m.nodeTable())
	case "e":
		return Act{Do: Explain}
	case "l":
		return Act{Do: Log}
	case "d":
		return Act{Do: Diff}
	case "s":
		m.asked = Act{Do: Sync}
	case "p", "P", "S":
		m.stop(key)
	case "r":
		if m.offer.Release == "" {
			m.told = "there is nothing to release: nothing is stuck or held as a rewritten history or for want of " +
				"room, and no prune waits"
			return Act{}
		}
		m.asked = Act{Do: Release, Commit: m.offer.Release}
	}
	return Act{}
}

// stop takes a key by which a Sync is stopped or let go on. Where rollouts are paced p is for the stage that waits.
func (m *Model) stop(key string) {
	v := m.view
	switch {
	case key == "S" || !v.Paced:
		m.asked = Act{Do: Suspend, On: !v.SuspendedBySpec}
	case key == "P":
		m.asked = Act{Do: Pause, On: v.Paused == ""}
	case v.Promotion == nil:
		m.told = "no stage waits for an approval (P pauses the rollout, S suspends the Sync)"
	default:
		m.asked = Act{Do: Promote, Promotion: *v.Promotion}
	}
}

// move scrolls.
func (m *Model) move(key string) bool {
	leap := max(m.height-len(m.head())-2, 1)
	switch key {
	case "up", "k":
		m.scroll--
	case "down", "j":
		m.scroll++
	case "pgup", "b":
		m.scroll -= leap
	case "pgdown", "space", " ":
		m.scroll += leap
	case "home":
		m.scroll = 0
	case "end":
		m.scroll = len(m.body)
	default:
		return false
	}
	return true // Frame keeps it within the text
}

// regroup groups the nodes by the next thing that tells them apart.
func (m *Model) regroup() {
	all := view.Groupings(m.view.Nodes)
	m.by = all[(slices.Index(all, m.by)+1)%len(all)]
}

// question is what the user is asked before something is written.
func (m *Model) question() string {
	name := line(m.view.Namespace + "/" + m.view.Name)
	switch {
	case m.asked.Do == Release:
		return "Release " + short(m.asked.Commit) + ", which is " + line(m.offer.Is) + "?"
	case m.asked.Do == Sync:
		return "Poll for " + name + " now, and try again a head that failed?"
	case m.asked.Do == Promote:
		return "Let " + short(m.asked.Promotion.Commit) + " go on after " + line(m.asked.Promotion.Stage) + "?"
	case m.asked.Do == Pause && m.asked.On:
		return "Pause the rollouts of " + name + ": no further pod is evicted?"
	case m.asked.Do == Pause:
		return "Let the rollouts of " + name + " go on: " + line(m.view.Paused) + "?"
	case m.asked.On:
		return "Suspend " + name + ": no poll, no apply, no prune, no correction?"
	}
	return "Resume " + name + "?"
}

const help = `g         group the nodes by zone, by pool, by a label
n         every node by name, the worst first
e         explain: the evidence in full, and commands to run next
l         log: what became of the last commits
d         diff: what the newest commit would change in the cluster now
s         sync: poll now, and try again a head that failed
r         release: let what is held start, the next pass what is stuck, or a large prune go on
p         suspend, or resume; of a paced rollout: promote, where a stage waits for an approval
P         of a paced rollout: pause, or let it go on
S         suspend, or resume
↑ ↓ PgUp PgDn Home End   scroll
q         quit

s, r, p, P and S ask first; only y does it.

In the bar # are nodes that have settled, and = those with a new pod that has not.

A node is shown as what the DaemonSet that is worst off there makes of it, and a cell for several nodes as the worst ` +
	`of them. Rates and times left are estimates.`
