package watches

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// world is an API server of pods of one namespace, its watches, and a Pool. It is played, because each watch must lag
// behind as far as a story wants: a real one lags as it likes. Nothing runs but what is called.
type world struct {
	*testing.T
	pool   *Pool[*corev1.Pod]
	states []map[string]*corev1.Pod // by resourceVersion
	open   []*played
	begun  int
	later  []func()

	answers map[asked]map[string]*corev1.Pod
	refuses bool // whoever asks for all
	broke   bool // a watch was broken, so followers may be told of a failure
}

// asked is a Selection at a resourceVersion.
type asked struct {
	what    Selection
	version int
}

func newPlayed(t *testing.T) *world {
	w := &world{T: t, states: []map[string]*corev1.Pod{{}, {}}, answers: map[asked]map[string]*corev1.Pod{}}
	w.pool = New(Source[*corev1.Pod]{
		Follow:  w.follow,
		NewTrim: func() func(*corev1.Pod) *corev1.Pod { return trimPod },
		Go:      func(f func()) { w.later = append(w.later, f) },
	})
	return w
}

// trimPod panics at what is hostile, and keeps all else.
func trimPod(p *corev1.Pod) *corev1.Pod {
	if p.Labels["hostile"] != "" {
		panic("hostile")
	}
	return p.DeepCopy()
}

func (w *world) now() int { return len(w.states) - 1 }

// write has the API server change a pod, or delete it if it is to have no labels.
func (w *world) write(name string, set labels.Set) {
	state := maps.Clone(w.states[w.now()])
	w.states = append(w.states, state)
	if set == nil {
		delete(state, name)
		return
	}
	state[name] = newPod(name, strconv.Itoa(w.now()), set)
}

func newPod(name, version string, set labels.Set) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "platform", Labels: set,
		ResourceVersion: version}}
}

// of is what a Selection matches of a state.
func (w *world) of(s Selection, version int) map[string]*corev1.Pod {
	known := asked{s, version}
	if state := w.answers[known]; state != nil {
		return state
	}
	state := map[string]*corev1.Pod{}
	matches, err := labels.Parse(s.Labels)
	if err != nil {
		w.Fatal(err)
	}
	for name, p := range w.states[version] {
		if (s.Name == "" || s.Name == name) && matches.Matches(labels.Set(p.Labels)) {
			state[name] = p
		}
	}
	w.answers[known] = state
	return state
}

// played is one watch of the API server.
type played struct {
	world *world
	what  Selection
	store Store
	at    int // the resourceVersion that it has told; 0 before its list
	least int // of its next list
}

func (w *world) follow(s Selection, store Store) context.CancelFunc {
	p := &played{world: w, what: s, store: store}
	w.open = append(w.open, p)
	w.begun++
	return func() { w.open = slices.DeleteFunc(w.open, func(other *played) bool { return other == p }) }
}

func (p *played) check(err error) {
	if err != nil {
		p.world.Fatal(err)
	}
}

// list answers with a state, as a list or the beginning of a watch does.
func (p *played) list(version int) {
	if p.what == (Selection{}) && p.world.refuses {
		p.store.Failed(apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil))
		return
	}
	var all []any
	for _, o := range p.world.of(p.what, version) {
		trimmed, err := p.store.Transformer()(o)
		if err == nil {
			all = append(all, trimmed)
		}
	}
	p.at = version
	p.check(p.store.Replace(all, strconv.Itoa(version)))
}

// step tells what has happened in the next resourceVersion, or has everything be read. It reports whether it has more.
func (p *played) step() bool {
	if p.at == 0 {
		p.list(max(p.least, p.world.now()))
		return true
	}
	if p.at == p.world.now() {
		return false
	}
	before, after := p.world.of(p.what, p.at), p.world.of(p.what, p.at+1)
	p.at++
	version := strconv.Itoa(p.at)
	for name, was := range before {
		if after[name] == nil {
			gone := was.DeepCopy()
			gone.ResourceVersion = version
			p.check(p.store.Delete(gone))
		}
	}
	for name, is := range after {
		if before[name] != is {
			p.check(p.store.Update(is))
		}
	}
	return true
}

// watchOf is the watch of a Selection.
func (w *world) watchOf(s Selection) *played {
	i := slices.IndexFunc(w.open, func(p *played) bool { return p.what == s })
	if i < 0 {
		w.Fatalf("no watch of %+v: %s", s, w.watches())
	}
	return w.open[i]
}

// bookmark tells how far the watch has come.
func (p *played) bookmark() {
	if s, is := p.store.(interface{ UpdateResourceVersion(string) }); is && p.at > 0 {
		s.UpdateResourceVersion(strconv.Itoa(p.at))
	}
}

// breaks has the watch end; it reads everything again, and nothing older.
func (p *played) breaks() {
	p.world.broke = true
	p.least, p.at = max(p.least, p.at), 0
	p.store.Failed(errors.New("the wire is cut"))
	p.world.broke = false
}

// runs has whatever was begun run.
func (w *world) runs() {
	for len(w.later) > 0 {
		f := w.later[0]
		w.later = w.later[1:]
		f()
	}
}

// settles has every watch tell everything.
func (w *world) settles() {
	for again := true; again; {
		w.runs()
		again = false
		for _, p := range slices.Clone(w.open) {
			for slices.Contains(w.open, p) && p.step() {
				again = true
			}
			if slices.Contains(w.open, p) {
				p.bookmark()
			}
		}
		again = again || len(w.later) > 0
	}
}

// keeper is a follower that knows which states its pods may be of.
type keeper struct {
	world *world
	what  Selection
	leave func()

	held   map[string]*corev1.Pod
	ready  bool
	err    error
	from   int // the oldest state that it may be of
	told   int // how often it has changed
	panics bool
}

func (w *world) join(s Selection) *keeper {
	k := &keeper{world: w, what: s, held: map[string]*corev1.Pod{}}
	k.leave = w.pool.Join(s, k)
	return k
}

func (k *keeper) Put(o *corev1.Pod) bool {
	if k.panics {
		panic("a follower's")
	}
	news := k.held[o.Name] != o
	k.held[o.Name] = o
	return news
}

func (k *keeper) Remove(name string) bool {
	_, had := k.held[name]
	delete(k.held, name)
	return had
}

func (k *keeper) PutAll(all []*corev1.Pod) bool {
	before, was := k.held, k.ready
	k.held, k.ready, k.err = map[string]*corev1.Pod{}, true, nil
	for i, o := range all {
		if had := before[o.Name]; had != nil && had.ResourceVersion == o.ResourceVersion {
			all[i] = had
		}
		k.held[o.Name] = all[i]
	}
	return !was || !maps.Equal(before, k.held)
}

func (k *keeper) Fail(err error) bool {
	if k.ready && !k.world.broke {
		k.world.Errorf("%+v is not ready any more: %v", k.what, err)
	}
	k.ready, k.err = false, err
	return true
}

func (k *keeper) Changed() { k.told++ }

// isOfSomeState reports whether what it has is what there was at some time, and not before what it had earlier.
func (k *keeper) isOfSomeState() bool {
	for at := k.from; at <= k.world.now(); at++ {
		if same(k.held, k.world.of(k.what, at)) {
			k.from = at
			return true
		}
	}
	return false
}

// same reports whether two states have the same versions of the same pods.
func same(a, b map[string]*corev1.Pod) bool {
	return maps.EqualFunc(a, b, func(a, b *corev1.Pod) bool { return a.ResourceVersion == b.ResourceVersion })
}

func (k *keeper) check() {
	k.world.Helper()
	if k.ready && !k.isOfSomeState() {
		k.world.Fatalf("%+v has %s, which is no state since %d; now %s", k.what, k.shows(), k.from,
			fmt.Sprint(slices.Sorted(maps.Keys(k.world.of(k.what, k.world.now())))))
	}
}

func (k *keeper) shows() (all string) {
	for _, name := range slices.Sorted(maps.Keys(k.held)) {
		all += name + "@" + k.held[name].ResourceVersion + " "
	}
	return all
}

func (k *keeper) isUpToDate() bool {
	return k.ready && same(k.held, k.world.of(k.what, k.world.now()))
}

func app(i int) Selection { return Selection{Labels: fmt.Sprint("app=", i)} }

func anyOf[E any](r *rand.Rand, all []E) E { return all[r.IntN(len(all))] }
