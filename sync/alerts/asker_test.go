package alerts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/sync/panics"
)

// askers are some who ask beside the turns, until the test ends.
func askers(t *testing.T) *Askers {
	return NewAskers(t.Context(), Options{Now: time.Now, Beside: func(do func()) { go do() },
		Panicked: func(by string, p *panics.Panic) { t.Errorf("%s: %v", by, p) }})
}

// A source is asked while somebody looks, every so often, and less and less often while it does not answer. What it
// said counts for a while only.
func TestAnAskerAsksWhileSomebodyLooks(t *testing.T) { //nolint:gocyclo // one story
	synctest.Test(t, func(t *testing.T) {
		a := askers(t)
		asked, woken := 0, 0
		var fails error
		firing := []string{"A", "B", "C", "D"}
		look := func() string {
			synctest.Wait() // whoever asks has written what this goroutine reads
			defer synctest.Wait()
			answer, _ := a.Look(Question{Namespace: "ns", By: "ns/agents", Ask: func(context.Context) ([]string, error) {
				asked++
				says, err := firing, fails
				time.Sleep(time.Second)
				return says, err
			}, Wake: func() { woken++ }})
			return answer.Closed(time.Now())
		}
		if said := look(); !strings.Contains(said, "not known yet") {
			t.Errorf("before the first answer: %q", said)
		}
		time.Sleep(2 * time.Second)
		if said := look(); said != "alerts fire: A, B, C and 1 more" || asked != 1 || woken != 1 {
			t.Errorf("%q, asked %d times, woken %d times", said, asked, woken)
		}
		if a.Last("ns", "").Fires(time.Now()) != true || a.Last("ns", "").Fires(time.Now().Add(time.Minute)) {
			t.Error("what fires is not known, or for too long")
		}
		synctest.Wait()
		firing = nil
		time.Sleep(Interval)
		look()
		time.Sleep(2 * time.Second)
		if said := look(); said != "" || asked != 2 {
			t.Errorf("%q, asked %d times", said, asked)
		}
		time.Sleep(restFor + time.Second) // nobody looks
		if said := look(); !strings.Contains(said, "not known yet") {
			t.Errorf("by the answer from before a rest: %q", said)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		time.Sleep(time.Hour) // nobody looks
		if said := look(); !strings.Contains(said, "not known yet") {
			t.Errorf("by an old answer: %q", said)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		fails = errors.New("no")
		for asked = 0; asked < 8; {
			time.Sleep(time.Second)
			look()
		}
		before := asked
		for range 60 {
			time.Sleep(time.Second)
			if said := look(); !strings.Contains(said, "no") {
				t.Fatalf("while it is away: %q", said)
			}
		}
		if asked > before+2 || a.Last("ns", "").Fires(time.Now()) {
			t.Errorf("asked %d times in the minute after the eighth", asked-before)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
	})
}

// Many Syncs of a namespace that want to know the same share one asker, and all of them are woken. What is answered to
// another namespace, or to another question, counts for nothing.
func TestWhoAsksTheSameIsAnsweredTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := askers(t)
		var mu gosync.Mutex
		asked, woken := map[string]int{}, map[string]int{}
		look := func(namespace, of, by string, firing ...string) string {
			answer, _ := a.Look(Question{Namespace: namespace, Of: of, By: by, Wake: func() {
				mu.Lock()
				defer mu.Unlock()
				woken[by]++
			}, Ask: func(context.Context) ([]string, error) {
				mu.Lock()
				asked[namespace+" "+of]++
				mu.Unlock()
				time.Sleep(time.Second)
				return firing, nil
			}})
			synctest.Wait()
			return answer.Closed(time.Now())
		}
		for range 10 { // a minute and a half
			for i := range 100 {
				look("platform", "staging", fmt.Sprint("platform/", i))
			}
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		if n := asked["platform staging"]; n < 3 || n > 7 || woken["platform/99"] != n {
			t.Errorf("asked %d times for a hundred, who are woken %d times", n, woken["platform/99"])
		}
		if said := look("platform", "staging", "x"); said != "" {
			t.Errorf("nothing fires there: %q", said)
		}
		if said := look("shop", "staging", "shop/1", "NodeDown"); !strings.Contains(said, "not known yet") {
			t.Errorf("by the answer of another namespace: %q", said)
		}
		if said := a.Last("platform", "production").Closed(time.Now()); said == "" {
			t.Error("the answer of staging is that of production")
		}
		time.Sleep(2 * time.Second)
		if said := look("shop", "staging", "shop/1", "NodeDown"); said != "alerts fire: NodeDown" {
			t.Errorf("%q", said)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

// A namespace has so many questions at once and no more, and takes no more than its share of what is asked at once. What
// nobody looks at is forgotten.
func TestWhatIsAskedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := askers(t)
		var mu gosync.Mutex
		now, most := 0, 0
		look := func(namespace string, i int, lasts time.Duration) string {
			answer, _ := a.Look(Question{Namespace: namespace, Of: fmt.Sprint(i), By: fmt.Sprint(i), Wake: func() {},
				Ask: func(context.Context) ([]string, error) {
					mu.Lock()
					now++
					most = max(most, now)
					mu.Unlock()
					time.Sleep(lasts)
					mu.Lock()
					defer mu.Unlock()
					now--
					return nil, nil
				}})
			synctest.Wait()
			return answer.Closed(time.Now())
		}
		for i := range perNamespace {
			if said := look("greedy", i, 10*time.Second); !strings.Contains(said, "not known yet") {
				t.Fatalf("%d: %q", i, said)
			}
		}
		if said := look("greedy", perNamespace, time.Second); !strings.Contains(said, "share spec.rollout.pace.gates.alerts") {
			t.Errorf("beyond what a namespace may: %q", said)
		}
		look("modest", 0, time.Second)
		time.Sleep(2 * time.Second)
		if said := look("modest", 0, time.Second); said != "" {
			t.Errorf("beside a greedy namespace: %q", said)
		}
		mu.Lock()
		if most > atOnce {
			t.Errorf("%d were asked at once", most)
		}
		mu.Unlock()
		time.Sleep(10 * time.Minute)
		if look("modest", 0, time.Second); len(a.all) != 1 {
			t.Errorf("%d are kept", len(a.all))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

// Whoever panics at asking, or at being told, ends nobody else's: each panic is told of, everybody who waits is woken, what
// could not be asked holds back, and it is asked again, ever more seldom.
func TestAPanicOfAnAskerIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, woken, asked, sick := map[string]int{}, map[string]int{}, 0, true
		a := NewAskers(t.Context(), Options{Now: time.Now, Beside: func(do func()) { go do() },
			Panicked: func(by string, _ *panics.Panic) { told[by]++ }})
		look := func(by string) string {
			answer, _ := a.Look(Question{Namespace: "ns", Of: "x", By: by, Ask: func(context.Context) ([]string, error) {
				if time.Sleep(time.Second); sick {
					asked++
					panic("s3cr3t")
				}
				return nil, nil
			}, Wake: func() {
				if woken[by]++; by == "ns/a" {
					panic("at being told")
				}
			}})
			synctest.Wait()
			return answer.Closed(time.Now())
		}
		look("ns/a")
		for _, by := range []string{"ns/b", "ns/c"} {
			look(by)
		}
		time.Sleep(2 * time.Second)
		said := look("ns/b")
		if !strings.Contains(said, "not known whether alerts fire") || !strings.Contains(said, "panicked") ||
			strings.Contains(said, "s3cr3t") || told["ns/a"] != 2 || woken["ns/a"]+woken["ns/b"]+woken["ns/c"] != 3 {
			t.Errorf("%q, told of %v, woken %v", said, told, woken)
		}
		for range 600 {
			time.Sleep(time.Second)
			look("ns/b")
		}
		if asked > 20 || asked < 8 {
			t.Errorf("it was asked %d times in ten minutes", asked)
		}
		sick = false
		for range 62 {
			time.Sleep(time.Second)
			said = look("ns/b")
		}
		if said != "" {
			t.Errorf("when it is well again: %q", said)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
	})
}
