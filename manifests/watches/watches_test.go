package watches

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// crowd has many followers join, each with an object of its own, and waits until all see theirs.
func crowd(s *server, p *Pool[string], many, namespaces int) (all []*follower, leave []func() func()) {
	s.t.Helper()
	for i := range many {
		s.put(fmt.Sprint("ns-", i%namespaces), fmt.Sprint("object-", i), of(fmt.Sprint("sync-", i)), nil)
	}
	for i := range many {
		f := &follower{}
		all = append(all, f)
		leave = append(leave, p.Join(Wanted{configMaps, fmt.Sprint("ns-", i%namespaces), fmt.Sprint("sync-", i)}, f))
	}
	for i, f := range all {
		until(s.t, fmt.Sprintf("follower %d sees its object", i), f.sees(fmt.Sprint("object-", i)))
	}
	return all, leave
}

func (s *server) opens(what string, want ...watching) {
	s.t.Helper()
	slices.SortFunc(want, order)
	until(s.t, fmt.Sprintf("%s: open are %v", what, want), func() bool {
		open := s.open()
		slices.SortFunc(open, order)
		return slices.Equal(open, want)
	})
}

func order(a, b watching) int { return strings.Compare(a.namespace+a.selector, b.namespace+b.selector) }

// However many Syncs follow a kind with the same rights, it is listed once and watched once; each is told of its own
// objects alone. The watch ends with the last of them.
func TestAThousandFollowersShareOneWatch(t *testing.T) {
	s := newServer(t)
	all, leave := crowd(s, s.pool(), 1000, 100)
	s.opens("of a thousand", watching{"", label})
	if len(s.lists) != 1 {
		t.Errorf("listed %d times: %q", len(s.lists), s.lists)
	}
	s.put("ns-7", "object-7", of("sync-7"), map[string]string{"new": "er"})
	newest := s.put("ns-7", "another", of("sync-7"), nil)
	until(t, "the change is told", func() bool {
		all[7].mu.Lock()
		defer all[7].mu.Unlock()
		return all[7].all["another"] == newest
	})
	if !all[107].sees("object-107")() {
		t.Error("somebody else of the namespace was told")
	}
	for _, leaves := range leave[:999] {
		leaves()()
	}
	s.opens("with one left", watching{"", label})
	leave[999]()()
	s.opens("with nobody left")
}

// Where few follow, each watches its own objects alone: nothing else is sent. When more come they share a watch, also
// those who had one.
func TestFewWatchTheirOwn(t *testing.T) {
	s := newServer(t)
	p := s.pool()
	_, leave := crowd(s, p, 2, 1)
	s.opens("of two", watching{"ns-0", label + "=sync-0"}, watching{"ns-0", label + "=sync-1"})
	late := &follower{}
	for _, value := range []string{"late", "later", "last"} {
		p.Join(Wanted{configMaps, "ns-0", value}, late)
	}
	s.opens("of five in a namespace", watching{"ns-0", label})
	for _, leaves := range leave {
		leaves()()
	}
	s.opens("of three", watching{"ns-0", label})
}

// Kinds without namespaces are shared as well.
func TestAKindWithoutNamespacesIsShared(t *testing.T) {
	s := newServer(t)
	p := s.pool()
	s.put("", "role", of("sync-3"), nil)
	var third *follower
	for i := range 5 {
		f := &follower{}
		if i == 3 {
			third = f
		}
		p.Join(Wanted{clusterRole, "", fmt.Sprint("sync-", i)}, f)
	}
	until(t, "the role is seen", third.sees("role"))
	s.opens("of five", watching{"", label})
}

// Who may not see all namespaces watches those that may be seen, and asks for no more again; of one that may not be
// seen it is told why, once.
func TestRightsInANamespaceWatchThatAlone(t *testing.T) {
	s := newServer(t)
	s.allows = func(namespace string) bool { return namespace == "ns-0" }
	p := s.pool()
	all, _ := crowd(s, p, 20, 1)
	s.opens("of the namespace", watching{"ns-0", label})
	other := &follower{}
	p.Join(Wanted{configMaps, "ns-1", "sync-1"}, other)
	until(t, "it is refused", func() bool { return other.trouble() != nil })
	if other.sees()() || all[1].trouble() != nil {
		t.Errorf("the other one sees %v; who was there before has trouble: %v", other.all, all[1].trouble())
	}
	s.opens("still", watching{"ns-0", label})
}

// If the right to see all namespaces is taken away, each follower goes on with what it may still see, and whoever has
// no right any more is told so.
func TestRightsThatAreCutEndAWideWatch(t *testing.T) {
	s := newServer(t)
	all, _ := crowd(s, s.pool(), 40, 20)
	s.opens("of all", watching{"", label})
	s.mu.Lock()
	s.allows = func(namespace string) bool { return namespace == "ns-3" }
	s.mu.Unlock()
	s.cut()
	s.opens("after the cut", watching{"ns-3", label + "=sync-3"}, watching{"ns-3", label + "=sync-23"})
	for i, f := range all {
		if i%20 != 3 {
			until(t, fmt.Sprintf("follower %d is told", i), func() bool { return f.trouble() != nil && !f.sees()() })
		}
	}
	newest := s.put("ns-3", "object-3", of("sync-3"), nil)
	until(t, "a change is seen", func() bool {
		all[3].mu.Lock()
		defer all[3].mu.Unlock()
		return all[3].read && all[3].all["object-3"] == newest
	})
}

// An object that changes hands is gone for the one that had it, and there for the other one; so is one that loses the
// label, or is deleted.
func TestAnObjectThatChangesHands(t *testing.T) {
	s := newServer(t)
	all, _ := crowd(s, s.pool(), 20, 1)
	s.opens("of all", watching{"", label})
	moved := s.put("ns-0", "object-1", of("sync-2"), nil)
	until(t, "the first has lost it", all[1].sees())
	until(t, "the second has it", all[2].sees("object-1", "object-2"))
	all[1].mu.Lock()
	if all[1].gone["object-1"] != moved {
		t.Errorf("it is gone as of %q, not %s", all[1].gone["object-1"], moved)
	}
	all[1].mu.Unlock()
	s.put("ns-0", "object-1", nil, nil)
	until(t, "without the label it is nobody's", all[2].sees("object-2"))
	s.remove("ns-0", "object-2")
	until(t, "it is deleted", all[2].sees())
}

// Who joins a watch that has been open for long is told all there is, and as of when: also that something was deleted
// meanwhile.
func TestALateFollowerIsToldAllThereIs(t *testing.T) {
	s := newServer(t)
	p := s.pool()
	all, _ := crowd(s, p, 20, 1)
	s.opens("of all", watching{"", label})
	s.put("ns-0", "early", of("late"), nil)
	s.put("ns-0", "short-lived", of("late"), nil)
	s.remove("ns-0", "short-lived")
	newest := s.put("ns-0", "object-0", of("sync-0"), nil)
	until(t, "the newest change is seen", func() bool {
		all[0].mu.Lock()
		defer all[0].mu.Unlock()
		return all[0].all["object-0"] == newest
	})
	late := &follower{}
	p.Join(Wanted{configMaps, "ns-0", "late"}, late)
	if !late.sees("early")() || late.at != newest { // at once
		t.Errorf("told of %v as of %s, not as of %s", late.all, late.at, newest)
	}
	s.opens("still", watching{"", label})
}

// A watch that breaks off is read again as a whole: what happened meanwhile is seen.
func TestAWatchThatBreaksOff(t *testing.T) {
	s := newServer(t)
	all, _ := crowd(s, s.pool(), 20, 1)
	s.opens("of all", watching{"", label})
	s.cut()
	s.remove("ns-0", "object-4")
	s.put("ns-0", "new", of("sync-5"), nil)
	until(t, "a deletion is seen", all[4].sees())
	until(t, "a new object is seen", all[5].sees("new", "object-5"))
}

// A follower that panics, or whose object cannot be taken in, gets a watch of its own. The others are told of theirs
// all the time; it is as soon as it does not panic any more.
func TestWhoPanicsWatchesAlone(t *testing.T) {
	s := newServer(t)
	all, _ := crowd(s, s.pool(), 20, 1)
	s.opens("of all", watching{"", label})
	all[3].setPanics(true)
	s.put("ns-0", "object-3", of("sync-3"), nil)
	s.put("ns-0", "object-4", of("sync-4"), map[string]string{"hostile": "yes"})
	s.put("ns-0", "new", of("sync-5"), nil)
	until(t, "the others are told", all[5].sees("new", "object-5"))
	until(t, "why is told", func() bool { return all[4].trouble() != nil })
	if text := all[4].trouble().Error(); !strings.Contains(text, "panicked") || strings.Contains(text, "s3cr3t") ||
		!strings.Contains(text, "object-4") {
		t.Errorf("told: %s", text)
	}
	all[3].setPanics(false)
	s.put("ns-0", "object-4", of("sync-4"), nil)
	until(t, "it is told again", all[3].sees("object-3"))
	until(t, "so is the other one", all[4].sees("object-4"))
	s.opens("in the end", watching{"", label}, watching{"ns-0", label + "=sync-3"}, watching{"ns-0", label + "=sync-4"})
	if all[5].trouble() != nil {
		t.Errorf("somebody else has trouble: %v", all[5].trouble())
	}
}

// Two pools, of two identities, share nothing.
func TestOtherRightsShareNothing(t *testing.T) {
	s := newServer(t)
	crowd(s, s.pool(), 20, 1)
	crowd(s, s.pool(), 20, 1)
	s.opens("of both", watching{"", label}, watching{"", label})
}

// Somebody who puts the label on thousands of objects of their own costs others no memory: followers of whom a shared
// watch shows far less than there is watch their own.
func TestAShareOfTooMuchIsGivenUp(t *testing.T) {
	s := newServer(t)
	p := s.pool()
	p.weighPause = 0
	all, _ := crowd(s, p, 20, 20)
	for i := range mostOfOthers {
		s.put("crowded", fmt.Sprint("object-", i), of("somebody"), nil)
	}
	s.opens("of all", watching{"", label})
	for i := range 20 * (othersForEach + 1) {
		s.put("crowded", fmt.Sprint("more-", i), of("somebody"), nil)
	}
	var alone []watching
	for i := range all {
		alone = append(alone, watching{fmt.Sprint("ns-", i), fmt.Sprint(label, "=sync-", i)})
	}
	s.opens("of each", alone...)
	newest := s.put("ns-3", "object-3", of("sync-3"), nil)
	until(t, "a change is seen", func() bool {
		all[3].mu.Lock()
		defer all[3].mu.Unlock()
		return all[3].all["object-3"] == newest && all[3].err == nil
	})
}
