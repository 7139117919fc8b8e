package stop

import (
	"context"
	"errors"
	"fmt"
	gosync "sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Switch is the stop switch of an installation. Nil is one that suspends nobody.
type Switch struct {
	client          core.CoreV1Interface
	namespace, name string
	reads           *together[State]

	mu    gosync.Mutex
	state State
}

// New returns the switch beside a Lease.
func New(client core.CoreV1Interface, namespace, lease string) *Switch {
	s := &Switch{client: client, namespace: namespace, name: lease + "-suspended",
		state: State{Unread: "it has not been read yet"}}
	s.reads = &together[State]{put: s.Read, patience: readPatience}
	return s
}

// readPatience is how long a read of the switch waits at most for another one that was begun before.
const readPatience = time.Second

func (s *Switch) String() string { return fmt.Sprintf("ConfigMap %s/%s", s.namespace, s.name) }

// State is what the switch said last.
func (s *Switch) State() State {
	if s == nil {
		return State{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// set reports whether a state is another one than before.
func (s *Switch) set(now State) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(now)
}

// setUnread is set of a switch that nothing is known of yet.
func (s *Switch) setUnread(now State) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Unread != "" && s.put(now)
}

func (s *Switch) put(now State) bool {
	changed := s.state != now
	s.state = now
	return changed
}

// Read asks the API server.
func (s *Switch) Read(ctx context.Context) (State, error) {
	m, err := s.client.ConfigMaps(s.namespace).Get(ctx, s.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return State{}, nil
	case err != nil:
		return State{}, fmt.Errorf("read the stop switch, %s: %w", s, err)
	}
	return stateOf(m), nil
}

// Follow keeps up with the switch until ctx ends, and calls wake after every change. It calls ready once, when the
// switch has been read or is known to be unreadable.
func (s *Switch) Follow(ctx context.Context, ready, wake func()) {
	only := fields.OneTermEqualSelector(metav1.ObjectNameField, s.name)
	informer := cache.NewSharedInformer(
		cache.NewListWatchFromClient(s.client.RESTClient(), "configmaps", s.namespace, only), &corev1.ConfigMap{}, 0)
	ready = gosync.OnceFunc(ready)
	turn := func(m *corev1.ConfigMap) {
		if s.set(stateOf(m)) {
			wake()
		}
	}
	// Neither is refused by an informer that has not run yet.
	handlers, _ := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { turn(asMap(o)) },
		UpdateFunc: func(_, o any) { turn(asMap(o)) },
		DeleteFunc: func(any) { turn(nil) },
	})
	_ = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		if !informer.HasSynced() { // later on what was read last counts, and whoever writes reads again
			if s.set(State{Unread: s.unread(err)}) {
				wake()
			}
			ready()
		}
	})
	var following gosync.WaitGroup
	following.Go(func() { informer.RunWithContext(ctx) })
	if cache.WaitForCacheSync(ctx.Done(), handlers.HasSynced) {
		if s.setUnread(State{}) { // else a handler has seen it
			wake()
		}
		ready()
	}
	following.Wait()
}

// unread says why the switch cannot be read.
func (s *Switch) unread(err error) string {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return fmt.Sprintf("%s: %v", s, err)
	}
	text := fmt.Sprintf("%s: %s", s, answer.Status().Message)
	if apierrors.IsForbidden(err) {
		text += "; the controller needs get, list and watch on it: daemongate install grants them to an installed one"
	}
	return text
}

func asMap(o any) *corev1.ConfigMap {
	m, _ := o.(*corev1.ConfigMap) // the informer is of them
	return m
}

// While does what writes for a Sync while the switch is off, and hands it what it has to ask before each object. The
// switch is read from the API server first, since a watch may be late; from then on what the watch tells counts.
// Several that begin to write at the same time share a read that begins after each of them has.
func (s *Switch) While(ctx context.Context, do func(may func() error) error) error {
	now, err := s.reads.ask(ctx)
	if err != nil {
		return fmt.Errorf("nothing is written: %w", err)
	}
	if now.On {
		return fmt.Errorf("nothing is written: %s", now.Text())
	}
	err = do(s.off)
	if stopped := s.off(); err != nil && stopped != nil {
		return stopped // once, and not of every object
	}
	return err
}

// off returns why nothing more may be written, if the switch has been seen to be on.
func (s *Switch) off() error {
	if now := s.State(); now.On {
		return fmt.Errorf("nothing is written any more: %s", now.Text())
	}
	return nil
}
