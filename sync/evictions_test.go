package sync

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/turns"
)

// looksAt is a look at DaemonSets with one pod each.
func looksAt(pods ...*corev1.Pod) (list []pace.Workload) {
	for _, p := range pods {
		list = append(list, pace.Workload{Look: rollout.Look{Pods: []*corev1.Pod{p}}})
	}
	return list
}

func podOf(uid string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid)}}
}

// A pod that was evicted counts as going until the look at its DaemonSet shows it, and one of which that is not known
// does so for a while, and is then tried again.
func TestWhatWasEvictedIsGoingUntilItIsSeen(t *testing.T) {
	now := time.Unix(1000, 0)
	l := &syncLoop{placed: placed{Controller: &Controller{Now: func() time.Time { return now }, Teller: teller{t}}}, key: "ns/agents",
		sync: &api.Sync{}}
	l.queue = turns.New(turns.Options{Places: 1})
	a, b, c := podOf("a"), podOf("b"), podOf("c")
	for uid, err := range map[string]error{"a": nil, "b": &evict.UnknownError{Err: errors.New("the answer was lost")},
		"c": &evict.BudgetError{Said: "the budget says no"}} {
		noteEvicted(l, gate.EvictionOrder{Namespace: "ns", UID: uid}, err)
	}
	states := func() string {
		l.evictions.seen(looksAt(a, b, c), now)
		going, refused := l.evictions.now()
		text := ""
		for _, uid := range []types.UID{"a", "b", "c"} {
			switch {
			case going[uid]:
				text += "g"
			case refused[uid].Again:
				text += "a"
			case refused[uid].Budget:
				text += "r"
			default:
				text += "-"
			}
		}
		return text
	}
	if got := states(); got != "ggr" {
		t.Errorf("at first: %s", got)
	}
	now = now.Add(refusedPause)
	if got := states(); got != "g-a" {
		t.Errorf("after a while: %s", got)
	}
	a.DeletionTimestamp = &metav1.Time{Time: now}
	if got := states(); got != "--a" {
		t.Errorf("when it was seen: %s", got)
	}
}
