package observe

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/trim"
)

// somePods are what a server has and tells of.
type somePods struct {
	names []string
	tells *watch.FakeWatcher
}

func (s *somePods) List(context.Context, metav1.ListOptions) (*corev1.PodList, error) {
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
	s.tells = watch.NewFakeWithChanSize(1, false)
	return s.tells, nil
}

func podNamed(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: name, ResourceVersion: "7"}}
}

// Law 2, with an object at which we panic: the process lives, nothing that was read counts any more, and the trouble names
// the object, until everything can be read again.
func TestAnObjectAtWhichWePanicIsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := New(Clients{})
		defer o.Stop()
		hostile, server := true, &somePods{names: []string{"good"}}
		kept := &cache[*corev1.Pod]{watching: watching{kind: rollout.KindPods, namespace: "platform", changed: func() {}}}
		kept.trim = func(p *corev1.Pod) *corev1.Pod {
			if hostile && p.Name == "hostile" {
				p.Spec.Containers[0].Name = "there is none"
			}
			return trim.Pod(p)
		}
		follow(o, server, selection{}, &corev1.Pod{}, kept)
		if synctest.Wait(); !kept.ready() {
			t.Fatal(kept.trouble())
		}
		server.names = append(server.names, "hostile")
		for range 3 { // told by the watch, and then by lists
			server.tells.Add(podNamed("hostile"))
			synctest.Wait()
			if err := kept.trouble(); kept.ready() || err == nil ||
				!strings.Contains(err.Error(), "watch pods in namespace platform: taking in Pod platform/hostile panicked") {
				t.Fatalf("ready %t, trouble: %v", kept.ready(), err)
			}
			time.Sleep(10 * time.Second)
		}
		hostile = false
		time.Sleep(10 * time.Minute)
		if synctest.Wait(); !kept.ready() || kept.trouble() != nil || len(kept.list()) != 2 {
			t.Errorf("afterwards: ready %t, trouble %v, %d pods", kept.ready(), kept.trouble(), len(kept.list()))
		}
	})
}
