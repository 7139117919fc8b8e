package watches

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/daemongate/daemongate/manifests/caught"
)

// joins has followers of app=from to app=to join, each with a pod.
func (w *world) joins(from, to int) (all []*keeper) {
	for i := from; i <= to; i++ {
		w.write(fmt.Sprint("pod-", i), labels.Set{"app": fmt.Sprint(i)})
		all = append(all, w.join(app(i)))
	}
	return all
}

func (w *world) areUpToDate(all []*keeper) {
	w.Helper()
	for _, k := range all {
		if !k.isUpToDate() {
			w.Errorf("%+v has %s, ready: %t, %v", k.what, k.shows(), k.ready, k.err)
		}
	}
}

func told(all []*keeper) (told int) {
	for _, k := range all {
		told += k.told
	}
	return told
}

// watches says what is watched.
func (w *world) watches() string {
	var all []string
	for _, p := range w.open {
		all = append(all, p.what.Labels+p.what.Name)
	}
	return strings.Join(all, " ")
}

// A few watch what they select and nothing else. With one more, all go over to a watch that they share, of which none
// notices anything; who joins late is told by it what there is, and begins no other.
func TestAFewWatchAloneAndManyTogether(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	all := w.joins(1, many-1)
	w.settles()
	if w.areUpToDate(all); len(w.open) != many-1 || strings.Contains(" "+w.watches()+" ", "  ") {
		t.Fatalf("%d watches: %s", len(w.open), w.watches())
	}
	before := told(all)
	late := w.joins(many, many)
	w.runs()
	if len(w.open) != many {
		t.Errorf("%d watches before the shared one has read everything: %s", len(w.open), w.watches())
	}
	w.settles()
	if w.areUpToDate(append(all, late...)); len(w.open) != 1 || told(all) != before {
		t.Errorf("watches %q, told %d times because of the change", w.watches(), told(all)-before)
	}
	for _, k := range all {
		for name, object := range k.held {
			if held, _ := w.pool.shared.held.get(name); held != object {
				t.Errorf("%s is held twice", name)
			}
		}
	}
	begun := w.begun
	late = w.joins(many+1, 10*many)
	w.settles()
	if w.areUpToDate(late); w.begun != begun || told(all) != before {
		t.Errorf("%d more watches, and others were told %d times", w.begun-begun, told(all)-before)
	}
}

// What happens to a pod is told to those who select it, before or after; nobody else is woken, also if everything is
// read again in between.
func TestOnlyThoseAreWokenWhomAPodConcerns(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	all := w.joins(1, 2*many)
	w.settles()
	for _, change := range []labels.Set{{"app": "1", "round": "2"}, {"app": "3"}, {"app": "none"}, {"app": "3"}, nil} {
		before := told(all) - all[0].told - all[2].told
		w.write("pod-1", change)
		w.settles()
		if w.areUpToDate(all); told(all)-all[0].told-all[2].told != before {
			t.Errorf("%v: others were told", change)
		}
	}
	if all[0].told != 3 || all[2].told != 5 { // what there was, and what has become of it
		t.Errorf("told %d and %d times", all[0].told, all[2].told)
	}
	before := told(all)
	w.open[0].at = 0 // as after a version that is too old to go on from
	w.settles()
	if w.areUpToDate(all); told(all) != before {
		t.Errorf("told %d times of nothing", told(all)-before)
	}
}

// A member that has seen more than the shared watch stays with its own, until the shared one has come as far.
func TestNobodyGoesBackToWhatWasBefore(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	all := w.joins(1, many-1)
	w.settles()
	w.joins(many, many)
	w.runs()
	shared := w.watchOf(Selection{})
	at := w.now()
	w.write("pod-1", labels.Set{"app": "1", "round": "2"})
	for w.watchOf(app(1)).step() {
	}
	shared.list(at)
	if all[0].check(); !all[0].isUpToDate() || len(w.open) != 2 {
		t.Errorf("watches %q, held %s", w.watches(), all[0].shows())
	}
	shared.step()
	if w.areUpToDate(all); len(w.open) != 1 {
		t.Errorf("watches %q", w.watches())
	}
}

// A shared watch that is refused, before or after it has begun, leaves everybody with a watch of its own, and is not
// asked for again for ten minutes.
func TestARefusedWatchLeavesEverybodyWithItsOwn(t *testing.T) {
	t.Parallel()
	for _, refused := range []string{"at once", "later"} {
		t.Run(refused, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPlayed(t)
				w.refuses = refused == "at once"
				all := w.joins(1, 2*many)
				w.settles()
				if !w.refuses {
					w.refuses = true
					w.open[0].breaks()
					w.settles()
				}
				isAlone := func(want bool) {
					t.Helper()
					w.settles()
					if w.areUpToDate(all); (len(w.open) == len(all)) != want {
						t.Errorf("watches %q", w.watches())
					}
				}
				isAlone(true)
				w.refuses = false
				time.Sleep(refusedFor / 2)
				all = append(all, w.joins(100, 100)...)
				isAlone(true)
				time.Sleep(refusedFor / 2)
				all = append(all, w.joins(101, 101)...)
				isAlone(false)
			})
		})
	}
}

// Nor does anybody go back to what was before if the shared watch is refused, and its own begins with an older state:
// nothing is known until it has come as far.
func TestAWatchThatBeginsWithAnOlderStateIsAwaited(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	all := w.joins(1, many)
	w.settles()
	old := w.now()
	w.write("pod-1", labels.Set{"app": "1", "round": "2"})
	w.settles()
	w.refuses = true
	w.open[0].breaks()
	w.open[0].step()
	w.watchOf(app(1)).list(old)
	w.joins(many+1, many+1)
	w.runs()
	if all[0].ready {
		t.Errorf("held %s", all[0].shows())
	}
	w.settles()
	w.areUpToDate(all)
}

// What fails of the watch that a member has of its own is told, also if that never showed anything.
func TestAFailureOfAWatchOfItsOwnIsTold(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	w.refuses = true
	all := w.joins(1, 2*many)
	w.runs()
	w.watchOf(Selection{}).step()
	w.refuses = false
	w.watchOf(app(1)).breaks()
	late := w.joins(100, 100)
	w.runs()
	w.watchOf(app(100)).breaks()
	for _, k := range []*keeper{all[0], late[0]} {
		if k.ready || k.err == nil {
			t.Errorf("%+v is ready: %t, %v", k.what, k.ready, k.err)
		}
	}
	w.settles()
	w.areUpToDate(append(all, late...))
}

// A shared watch that holds far more than is wanted of it is given up, of which nobody notices anything, and not begun
// again at once: when most have left, or where most is nobody's.
func TestASharedWatchThatHoldsTooMuchIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newPlayed(t)
		all := w.joins(1, fewOfOthers+20*othersForEach)
		w.settles()
		time.Sleep(joinPause)
		for _, k := range all[2*many:] {
			k.leave()
		}
		all = all[:2*many]
		w.settles()
		if w.areUpToDate(all); len(w.open) != len(all) {
			t.Fatalf("%d watches for %d of many: %.200s", len(w.open), len(all), w.watches())
		}
		all = append(all, w.joins(1001, 1020)...)
		w.settles()
		if w.areUpToDate(all); len(w.open) != len(all) {
			t.Errorf("%d watches for %d, soon after", len(w.open), len(all))
		}
		time.Sleep(refusedFor)
		w.joins(2001, 2001)
		w.settles()
		if len(w.open) != 1 {
			t.Errorf("%d watches after a while", len(w.open))
		}
		for i := range 2 * fewOfOthers {
			w.write(fmt.Sprint("other-", i), labels.Set{"app": "other"})
		}
		w.settles()
		if len(w.open) != 1 {
			t.Errorf("%d watches while others may join", len(w.open))
		}
		time.Sleep(joinPause)
		w.write("pod-1", labels.Set{"app": "1", "round": "2"})
		w.settles()
		if w.areUpToDate(all); len(w.open) == 1 {
			t.Error("it is not given up")
		}
	})
}

// More than 10,000 objects that nobody selects are not even read.
func TestANamespaceFullOfOthersIsNotRead(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	for i := range mostOfOthers + 1 {
		w.states[w.now()][fmt.Sprint("other-", i)] = newPod(fmt.Sprint("other-", i), "1", labels.Set{"app": "other"})
	}
	all := w.joins(1, many)
	w.settles()
	if w.areUpToDate(all); len(w.open) != many {
		t.Errorf("watches %q", w.watches())
	}
}

// Whose pod cannot be trimmed, and who panics at what it is told, gets a watch of its own. The others are told of theirs.
func TestAPanicIsTheTroubleOfOne(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	all := w.joins(1, 2*many)
	w.settles()
	w.broke = true // what is told of a panic is a failure
	w.write("pod-1", labels.Set{"app": "1", "hostile": "yes"})
	w.open[0].step()
	w.runs()
	var panicked *caught.Panic
	if k := all[0]; k.ready || !errors.As(k.err, &panicked) || !strings.Contains(k.err.Error(), "platform/pod-1") {
		t.Errorf("%+v is ready: %t, %v", k.what, k.ready, k.err)
	}
	all[1].panics = true
	w.write("pod-2", labels.Set{"app": "2", "round": "2"})
	for w.open[0].step() {
	}
	if all[1].ready || !errors.As(all[1].err, &panicked) {
		t.Errorf("%+v is ready: %t, %v", all[1].what, all[1].ready, all[1].err)
	}
	late := w.join(app(1))
	w.runs()
	if !errors.As(late.err, &panicked) {
		t.Errorf("who joins late is told %v", late.err)
	}
	w.write("pod-3", labels.Set{"app": "3", "round": "2"})
	for w.open[0].step() {
	}
	w.areUpToDate(all[2:])
	if want := " app=1 app=2 app=1"; w.watches() != want {
		t.Errorf("watches %q, want %q", w.watches(), want)
	}
}

// Not everybody is asked whom an object concerns, also if all selectors have a label in common.
func TestAnObjectIsComparedWithFewSelectors(t *testing.T) {
	t.Parallel()
	w := newPlayed(t)
	for i := range 100 {
		w.join(Selection{Labels: fmt.Sprintf("app.kubernetes.io/instance=prod,app.kubernetes.io/name=agent-%d", i)})
	}
	for at, members := range w.pool.index.byLabel {
		if len(members) > 2 {
			t.Errorf("%d are found by %v", len(members), at)
		}
	}
	if rest := len(w.pool.index.rest); rest > 0 {
		t.Errorf("%d are always asked", rest)
	}
}
