package observe

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe/watches"
	"github.com/daemongate/daemongate/rollout/trim"
)

// somePods are what a server has and tells of.
type somePods struct {
	mu      sync.Mutex
	names   []string
	lists   int
	watched chan *watch.FakeWatcher
}

func (s *somePods) more(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
}

// listsAgain waits for two lists, of which the first has been gone through when it returns.
func (s *somePods) listsAgain() {
	count := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.lists
	}
	for before := count(); count() < before+2; {
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *somePods) List(context.Context, metav1.ListOptions) (*corev1.PodList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}}
	for _, name := range s.names {
		list.Items = append(list.Items, *podNamed(name))
	}
	return list, nil
}

func (s *somePods) Watch(_ context.Context, o metav1.ListOptions) (watch.Interface, error) {
	if o.SendInitialEvents != nil {
		return nil, apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), "", nil)
	}
	w := watch.NewFakeWithChanSize(1, false)
	s.watched <- w
	return w, nil
}

func podNamed(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: name, ResourceVersion: "7"}}
}

// Law 2, with an object at which we panic: the process lives, nothing that was read counts any more, and the trouble names
// the object, until everything can be read again.
func TestAnObjectAtWhichWePanicIsTrouble(t *testing.T) {
	t.Parallel()
	o := New(Clients{})
	defer o.Stop()
	var hostile atomic.Bool
	hostile.Store(true)
	server := &somePods{names: []string{"good"}, watched: make(chan *watch.FakeWatcher, 10)}
	kept := &cache[*corev1.Pod]{watching: watching{kind: rollout.KindPods, namespace: "platform", changed: func() {}}}
	kept.trim = func(p *corev1.Pod) *corev1.Pod {
		if hostile.Load() && p.Name == "hostile" {
			p.Spec.Containers[0].Name = "there is none"
		}
		return trim.Pod(p)
	}
	follow(o, server, watches.Selection{}, &corev1.Pod{}, kept)
	tells := <-server.watched
	if !kept.ready() {
		t.Fatal(kept.trouble())
	}
	server.more("hostile")
	tells.Add(podNamed("hostile"))
	isTrouble := func() (string, bool) {
		err := kept.trouble()
		return fmt.Sprint(err), !kept.ready() && err != nil && strings.Contains(err.Error(),
			"watch pods in namespace platform: taking in Pod platform/hostile panicked")
	}
	clustertest.Until(t, time.Minute, "trouble", isTrouble)
	server.listsAgain()
	if seen, is := isTrouble(); !is {
		t.Errorf("after another list: %s", seen)
	}
	hostile.Store(false)
	clustertest.Until(t, time.Minute, "everything to be read", func() (string, bool) {
		return fmt.Sprint(kept.trouble()), kept.ready() && kept.trouble() == nil && len(kept.list()) == 2
	})
}
