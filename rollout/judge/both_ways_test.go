package judge

import (
	"fmt"
	"reflect"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
)

// followed is what all looks of all tests leave for each other, as they come: whatever a cache is of, a judgement that
// goes on from it is the one that a whole look comes to.
var followed struct {
	sync.Mutex
	cache survey.Cache
	seen  map[string]any // the newest version of each object
}

// bothWays judges a look as a whole, and as one that follows those before it, and holds that both come to the same.
func bothWays(l rollout.Look, t rollout.Target, m rollout.Memory,
	o rollout.Options) (rollout.Judgement, rollout.Memory) {
	j, after := Rollout(l, t, m, o)
	followed.Lock()
	defer followed.Unlock()
	mustBeAlike(&followed.cache, shared(l), t, m, o, j, after)
	return j, after
}

// told is what a look came to, and how that read then.
type told struct {
	judgement rollout.Judgement
	memory    rollout.Memory
	text      string
}

// mustBeAlike holds that a judgement with a cache, and what it remembers, are those of a whole look.
func mustBeAlike(c *survey.Cache, l rollout.Look, t rollout.Target, m rollout.Memory, o rollout.Options,
	whole rollout.Judgement, wholeMemory rollout.Memory) told {
	j, after := RolloutAgain(c, l, t, m, o)
	if jsonText(j) != jsonText(whole) {
		panic(fmt.Sprintf("a look that follows others comes to\n%s\n%s\na whole one to\n%s\n%s", plain(j), jsonText(j),
			plain(whole), jsonText(whole)))
	}
	if jsonText(after) != jsonText(wholeMemory) {
		panic(fmt.Sprintf("a look that follows others remembers\n%s\na whole one\n%s", jsonText(after),
			jsonText(wholeMemory)))
	}
	return told{j, after, jsonText(j) + jsonText(after)}
}

// shared has a look share with the looks before what has not changed since, as those of an Observer do. What a test
// changes in place is another object here.
func shared(l rollout.Look) rollout.Look {
	if followed.seen == nil {
		followed.seen = map[string]any{}
	}
	if l.DaemonSet != nil {
		l.DaemonSet = sharedOne(l.DaemonSet)
	}
	l.Revisions, l.Pods = sharedAll(l.Revisions), sharedAll(l.Pods)
	l.Nodes, l.Events = sharedAll(l.Nodes), sharedAll(l.Events)
	return l
}

type versioned[T any] interface {
	metav1.Object
	DeepCopy() T
}

func sharedAll[T versioned[T]](list []T) []T {
	var all []T
	for _, o := range list {
		all = append(all, sharedOne(o))
	}
	return all
}

func sharedOne[T versioned[T]](o T) T {
	key := fmt.Sprintf("%T %s/%s %s", o, o.GetNamespace(), o.GetName(), o.GetUID())
	if was, seen := followed.seen[key].(T); seen && reflect.DeepEqual(was, o) {
		return was
	}
	copied := o.DeepCopy()
	followed.seen[key] = copied
	return copied
}
