package watches

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/caught"
	"github.com/daemongate/daemongate/manifests/reflector"
)

// stream is one watch, and what it has seen. It is what client-go's reflector writes to.
type stream[V any] struct {
	kind   *kind[V]
	scope  scope
	cancel context.CancelFunc
	ended  chan struct{} // closed when nothing of it runs any more

	// The rest is guarded by the pool's lock.
	members map[*member[V]]bool
	told    map[scope][]*member[V] // by what they want to see
	held    map[scope]map[string]V
	broken  map[scope]error  // why what is there for somebody could not be trimmed
	values  map[scope]string // the label's value of each object, by namespace and name
	version string           // of which held is all there is
	read    bool
	over    bool
	weighed time.Time // when what it sees was last compared with what is wanted of it
}

// begin starts a watch.
func (k *kind[V]) begin(at scope) *stream[V] {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream[V]{
		kind: k, scope: at, cancel: cancel, ended: make(chan struct{}), weighed: time.Now(),
		members: map[*member[V]]bool{}, told: map[scope][]*member[V]{},
	}
	s.forget()
	k.streams[at] = s
	go func() {
		defer close(s.ended)
		reflector.Run(ctx, reflector.Followed{Name: "manifests", Source: s.source(),
			Example: &metav1.PartialObjectMetadata{}, Store: s, Failed: s.failed})
	}()
	return s
}

// forget forgets what was seen.
func (s *stream[V]) forget() {
	s.held, s.broken, s.values = map[scope]map[string]V{}, map[scope]error{}, map[scope]string{}
}

// end has a watch end soon. Nobody is told anything more.
func (k *kind[V]) end(s *stream[V]) {
	s.over = true
	s.cancel()
	if k.streams[s.scope] == s {
		delete(k.streams, s.scope)
	}
}

// source asks the API server for what the watch sees.
func (s *stream[V]) source() *toolscache.ListWatch {
	selector := s.kind.pool.label
	if s.scope.value != "" {
		selector = labels.Set{s.kind.pool.label: s.scope.value}.String()
	}
	objects := s.kind.pool.client.Resource(s.kind.resource).Namespace(s.scope.namespace)
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			list, err := objects.List(ctx, o)
			s.answered(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			events, err := objects.Watch(ctx, o)
			s.answered(err)
			return events, err
		},
	}
}

// answered ends the watch if the API server will not have it: asking again and again is no steady state. Whoever may
// not see so much is given a narrower one.
func (s *stream[V]) answered(err error) {
	forbidden := apierrors.IsForbidden(err)
	if err == nil || !(forbidden || apierrors.IsMethodNotSupported(err) || apierrors.IsNotFound(err)) {
		return
	}
	k := s.kind
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	if s.over {
		return
	}
	if forbidden && s.shared() {
		s.narrow()
		return
	}
	k.end(s)
	for m := range s.members {
		m.part()
		m.over = true
		_ = caught.Catch("telling of a refusal", func() { m.follower.Failed(err) })
	}
}

// narrow ends a shared watch, and has each follower see less by another one. The pool's lock is held.
func (s *stream[V]) narrow() {
	k := s.kind
	k.end(s)
	k.refused[s.scope] = time.Now()
	for m := range s.members {
		m.part()
	}
	k.arrange()
}

// weigh ends a shared watch that sees far more than is wanted of it: most is of others, or somebody puts the label on
// whatever there is. The pool's lock is held.
func (s *stream[V]) weigh() {
	if !s.shared() || time.Since(s.weighed) < s.kind.pool.weighPause {
		return
	}
	s.weighed = time.Now()
	wanted := 0
	for of := range s.told {
		wanted += len(s.held[of])
	}
	if len(s.values) > mostOfOthers+othersForEach*wanted {
		s.narrow()
	}
}

// failed says why nothing is known until everything has been read again.
func (s *stream[V]) failed(err error) {
	s.kind.pool.mu.Lock()
	defer s.kind.pool.mu.Unlock()
	s.read = false
	for m := range s.members {
		m.follower.Failed(err)
	}
}
