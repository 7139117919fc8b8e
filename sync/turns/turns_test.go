package turns

import (
	"fmt"
	"math/rand/v2"
	"slices"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"
)

// served notes which turns there were. Those of keys in hangs end when the test says so, all others take as long as
// each.
type served struct {
	*Queue
	t     *testing.T
	each  time.Duration
	hangs map[string]chan struct{}
	ended chan struct{}

	mu    gosync.Mutex
	began []string
	now   map[string]bool
	most  int
}

func serve(t *testing.T, o Options, each time.Duration, hanging ...string) *served {
	s := &served{Queue: New(o), t: t, each: each, hangs: map[string]chan struct{}{}, ended: make(chan struct{}),
		now: map[string]bool{}}
	for _, key := range hanging {
		s.hangs[key] = make(chan struct{})
	}
	go func() {
		s.Serve(s.give)
		close(s.ended)
	}()
	return s
}

func (s *served) give(key string) {
	s.mu.Lock()
	if s.now[key] {
		s.t.Errorf("%s has two turns at once", key)
	}
	s.began, s.now[key] = append(s.began, key), true
	s.most = max(s.most, len(s.now))
	s.mu.Unlock()
	if end := s.hangs[key]; end != nil {
		<-end
	} else {
		time.Sleep(s.each)
	}
	s.mu.Lock()
	delete(s.now, key)
	s.mu.Unlock()
}

// had waits, and returns the turns that have begun since it was asked last.
func (s *served) had(wait time.Duration) []string {
	time.Sleep(wait)
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	had := s.began
	s.began = nil
	return had
}

func (s *served) stop() {
	s.ShutDown()
	<-s.ended
}

func keys(namespace string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s/%02d", namespace, i))
	}
	return all
}

// Turns that wait for a server that does not answer keep those of others waiting for the patience of the queue at most,
// however many they are.
func TestATurnThatWaitsKeepsNobodyFromTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := keys("slow", 10)
		s := serve(t, Options{Places: 2}, time.Millisecond, slow...)
		for _, key := range slow {
			s.Add(key)
		}
		s.had(time.Millisecond)
		s.Add("other/agents")
		if had := s.had(DefaultPatience); !slices.Contains(had, "other/agents") {
			t.Fatalf("after a while only %v had theirs", had)
		}
		s.had(time.Minute)
		s.Add("other/agents")
		if had := s.had(time.Millisecond); !slices.Equal(had, []string{"other/agents"}) {
			t.Errorf("later: %v", had)
		}
		for _, key := range slow {
			close(s.hangs[key])
		}
		s.stop()
	})
}

// Turns that do not wait have the places, and no more of them are at once; also after some have waited.
func TestNoMoreTurnsWorkAtOnceThanThereArePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := keys("slow", 3)
		s := serve(t, Options{Places: 2}, DefaultPatience/2, slow...)
		for _, key := range slow {
			s.Add(key)
		}
		s.had(time.Minute)
		for _, key := range slow {
			close(s.hangs[key])
		}
		s.had(time.Minute)
		s.mu.Lock()
		s.most = 0
		s.mu.Unlock()
		all := keys("other", 20)
		for _, key := range all {
			s.Add(key)
		}
		had := s.had(time.Minute)
		slices.Sort(had) // two that begin at once do so in any order
		if !slices.Equal(had, all) {
			t.Errorf("%v", had)
		}
		if s.stop(); s.most != 2 {
			t.Errorf("%d turns at once", s.most)
		}
	})
}

// A namespace has so many turns under way and no more. Each of the others has its own when one ends, in their order,
// however often anybody was asked for meanwhile, and other namespaces have theirs.
func TestTheTurnsOfANamespaceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := keys("slow", 6)
		s := serve(t, Options{Places: 2, Namespace: 3}, time.Millisecond, slow...)
		var begun []string
		for range 5 {
			for _, key := range slow {
				s.Add(key)
			}
			begun = append(begun, s.had(time.Minute)...)
		}
		if slices.Sort(begun); !slices.Equal(begun, slow[:3]) {
			t.Errorf("%v have begun", begun)
		}
		s.Add("other/agents")
		if had := s.had(time.Millisecond); !slices.Equal(had, []string{"other/agents"}) {
			t.Errorf("%v", had)
		}
		for i, key := range slow[:3] {
			s.hangs[key] <- struct{}{}
			if had := s.had(time.Minute); !slices.Equal(had, slow[3+i:4+i]) {
				t.Errorf("after %s comes %v", key, had)
			}
		}
		for _, key := range slow {
			close(s.hangs[key])
		}
		s.had(time.Minute)
		if s.stop(); len(s.rest) != 0 || len(s.underWay) != 0 || len(s.promised) != 0 {
			t.Errorf("left: %v %v %v", s.rest, s.underWay, s.promised)
		}
	})
}

// Who is urgent goes before others of the namespace, also if it has become so while it waits, and never keeps all of them
// waiting. Those of another namespace have their turns as before.
func TestUrgentTurnsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urgent := map[string]bool{"many/47": true, "many/48": true}
		s := serve(t, Options{Places: 1, Urgent: func(key string) bool { return urgent[key] }}, 10*time.Millisecond)
		s.Add("first/a")
		s.had(time.Millisecond)
		for _, key := range append(keys("many", 50), "other/a") {
			s.Add(key)
		}
		urgent["many/49"] = true
		s.Add("many/49")
		if had := s.had(50 * time.Millisecond); !slices.Equal(had, []string{"many/47", "other/a", "many/48",
			"many/49", "many/00"}) {
			t.Errorf("%v", had)
		}
		others := 0
		for range 20 {
			s.Add("many/47")
			s.Add("many/48")
			for _, key := range s.had(10 * time.Millisecond) {
				if !urgent[key] {
					others++
				}
			}
		}
		if others < 4 || others > 6 {
			t.Errorf("%d of 20 turns were not urgent", others)
		}
		s.stop()
	})
}

// Also of those that wait because so many turns of their namespace are under way the urgent ones come first.
func TestUrgentTurnsWaitLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := keys("slow", 6)
		s := serve(t, Options{Places: 1, Namespace: 2, Urgent: func(key string) bool { return key == slow[5] }},
			time.Millisecond, slow...)
		for _, key := range slow {
			s.Add(key)
			s.had(time.Minute)
		}
		s.hangs[slow[0]] <- struct{}{}
		if had := s.had(time.Minute); !slices.Equal(had, slow[5:]) {
			t.Errorf("next came %v", had)
		}
		for _, key := range slow {
			close(s.hangs[key])
		}
		s.had(time.Minute)
		s.stop()
	})
}

// However many keys a namespace adds, those of another one come next but one.
func TestNamespacesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Options{Places: 1}, 10*time.Millisecond)
		for _, key := range append(keys("many", 50), "other/a", "third/a", "other/b") {
			s.Add(key)
		}
		had := s.had(55 * time.Millisecond)
		for _, key := range []string{"other/a", "third/a", "other/b"} {
			if !slices.Contains(had, key) {
				t.Errorf("no %s among %v", key, had)
			}
		}
		s.stop()
	})
}

// Whatever hangs for how long, no key has two turns at once, and each one that was added has one after it was.
func TestNoTurnIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		o := Options{Places: 2, Namespace: 3}
		s := &served{Queue: New(o), t: t, now: map[string]bool{}, ended: make(chan struct{})}
		var mu gosync.Mutex
		wanted := map[string]bool{}
		go func() {
			s.Serve(func(key string) {
				mu.Lock()
				delete(wanted, key)
				takes := time.Duration(random.IntN(5)) * DefaultPatience / 2
				mu.Unlock()
				s.give(key)
				time.Sleep(takes)
			})
			close(s.ended)
		}()
		all := append(append(keys("a", 9), keys("b", 5)...), keys("c", 1)...)
		for range 2000 {
			mu.Lock()
			key, pause := all[random.IntN(len(all))], time.Duration(random.IntN(30))*time.Millisecond
			wanted[key] = true
			mu.Unlock()
			s.Add(key)
			time.Sleep(pause)
		}
		s.had(time.Minute)
		if len(wanted) > 0 {
			t.Errorf("%v had no turn", wanted)
		}
		s.stop()
	})
}

// Who serves waits for all turns, also for those without a place.
func TestServingEndsWithTheLastTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := keys("slow", 5)
		s := serve(t, Options{Places: 2}, 0, slow...)
		for _, key := range slow {
			s.Add(key)
		}
		s.had(time.Minute)
		s.ShutDown()
		for i, key := range slow {
			synctest.Wait()
			select {
			case <-s.ended:
				t.Fatalf("it has ended before turn %d", i)
			default:
			}
			close(s.hangs[key])
		}
		<-s.ended
	})
}
