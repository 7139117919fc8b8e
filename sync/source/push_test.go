package source

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/sync/gate"
)

// mirrored is a repository with a head for each branch, which counts how often it is asked, and how old the answers are
// that it may give.
type mirrored struct {
	Repository
	heads map[string]string
	asked int
	ages  []time.Duration
}

func (m *mirrored) HeadWithin(_ context.Context, ref gitsource.Ref, age time.Duration) (string, error) {
	m.asked, m.ages = m.asked+1, append(m.ages, age)
	if head := m.heads[ref.Branch]; head != "" {
		return head, nil
	}
	return "", errors.New("down")
}

// A push that the webhook of one Sync has told of wakes those of the mirror, and of the namespace's other mirrors of the
// repository, that follow a ref which the server says has moved; nobody else, whoever signs what. The server is asked
// once for each ref.
func TestAPushIsNewsForWhoFollowsTheRef(t *testing.T) {
	m := &mirrored{heads: map[string]string{"main": hash("2"), "prod": hash("1")}}
	own := &mirrored{heads: map[string]string{"main": hash("2")}} // with credentials of its own
	down := &mirrored{}
	follower := func(namespace, name, branch string, r Repository, url string) Follower {
		s := &Source{place: place{r, gitsource.Ref{Branch: branch}, url}}
		s.poller.history = &gate.History{Head: hash("1")}
		return Follower{Source: s, Namespace: namespace, Name: name}
	}
	of := follower("a", "hooked", "main", m, "url")
	all := []Follower{of,
		follower("a", "one", "main", m, "url"), follower("b", "two", "main", m, "url"),
		follower("a", "still", "prod", m, "url"), follower("a", "own", "main", own, "url"),
		follower("b", "foreign", "main", own, "url"), follower("a", "another", "main", own, "another url"),
		follower("a", "down", "main", down, "url"), follower("a", "newest", "main", m, "url"),
		follower("a", "schedule", "main", m, "url"), follower("a", "new", "main", m, "url"),
		follower("a", "broken", "main", broken{errors.New("no URL")}, "url"),
	}
	all[8].poller.history.Head = hash("2")
	all[9].poller.schedule = &schedule{}
	all[10].poller.history = nil
	var woken []string
	for _, f := range Pushed(t.Context(), of, all, time.Now()) {
		woken = append(woken, f.Name)
		if f.poller.pushed.IsZero() {
			t.Errorf("%s is woken, and does not poll", f.Name)
		}
	}
	if !slices.Equal(woken, []string{"one", "two", "own"}) || m.asked != 2 || own.asked != 1 {
		t.Errorf("%v are woken; the servers were asked %d and %d times", woken, m.asked, own.asked)
	}
	if again := Pushed(t.Context(), of, []Follower{of, all[8], all[3]}, time.Now()); len(again) > 0 {
		t.Errorf("%v are woken when nothing has moved", again)
	}
}

// Who is woken by a push to others polls at once, and is content with an answer that was asked for after the push.
func TestWhoHearsOfAPushTakesTheAnswer(t *testing.T) {
	var p poller
	var age time.Duration
	poll := func() {
		var background sync.WaitGroup
		defer background.Wait()
		p.start(background.Go, time.Now(), time.Hour, func(a time.Duration) (*gate.History, error) {
			age = a
			return &gate.History{Head: hash("1")}, nil
		}, func(time.Time) {})
	}
	poll()
	for _, c := range []struct {
		head string
		ago  time.Duration
		asks bool
	}{{hash("1"), time.Minute, false}, {hash("2"), time.Minute, true}} {
		age = 0
		p.pushedTo(c.head, time.Now().Add(-c.ago))
		if poll(); c.asks && (age < c.ago || age > c.ago+time.Minute) || !c.asks && age != 0 {
			t.Errorf("a push to %s: polled with an answer of up to %s", c.head[:1], age)
		}
	}
	age = 0
	if poll(); age != 0 {
		t.Error("one push is polled for twice")
	}
}
