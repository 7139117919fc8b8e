package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/reflector"
	"github.com/daemongate/daemongate/rollout/observe/watches"
)

// WatchError says that a kind cannot be watched, and why.
type WatchError struct {
	Kind      string // as kubectl names it, such as pods
	Namespace string // empty for nodes
	Err       error
}

func (e *WatchError) Error() string {
	if e.Namespace == "" {
		return fmt.Sprintf("watch %s: %v", e.Kind, e.Err)
	}
	return fmt.Sprintf("watch %s in namespace %s: %v", e.Kind, e.Namespace, e.Err)
}

// Unwrap gives the reason.
func (e *WatchError) Unwrap() error { return e.Err }

// watching is the state of one watch.
type watching struct {
	kind, namespace string
	changed         func() // called without any lock held

	state  sync.Mutex
	synced bool  // everything was read, and nothing was missed since
	err    error // why it cannot be read at present
}

// read notes that everything has been read.
func (w *watching) read() (news bool) {
	w.state.Lock()
	defer w.state.Unlock()
	news = !w.synced
	w.synced, w.err = true, nil
	return news
}

// Fail notes that nothing can be read. What was read before is not to be trusted until everything was read again:
// while the watch was down a pod may have died that still looks settled.
func (w *watching) Fail(err error) (news bool) {
	w.state.Lock()
	defer w.state.Unlock()
	news = w.err == nil || w.err.Error() != err.Error()
	w.synced, w.err = false, err
	return news
}

// Failed is called by the watch that is followed.
func (w *watching) Failed(err error) {
	if w.Fail(err) {
		w.changed()
	}
}

// Changed is called after news.
func (w *watching) Changed() { w.changed() }

func (w *watching) ready() bool {
	w.state.Lock()
	defer w.state.Unlock()
	return w.synced
}

func (w *watching) forbidden() bool {
	w.state.Lock()
	defer w.state.Unlock()
	return apierrors.IsForbidden(w.err)
}

func (w *watching) trouble() error {
	w.state.Lock()
	defer w.state.Unlock()
	if w.err == nil {
		return nil
	}
	return &WatchError{Kind: w.kind, Namespace: w.namespace, Err: w.err}
}

// reader is what every typed client offers.
type reader[L runtime.Object] interface {
	List(ctx context.Context, o metav1.ListOptions) (L, error)
	Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error)
}

// follow keeps a store in step with the API server until the returned function is called or the Observer is stopped.
// Errors are told to the store and never printed; they are tried again with a growing pause of at most a minute, and
// those of the store itself of five minutes.
func follow[L runtime.Object](
	o *Observer, r reader[L], s watches.Selection, example runtime.Object, store watches.Store,
) context.CancelFunc {
	ctx, cancel := context.WithCancel(o.ctx)
	o.running.Go(func() {
		reflector.Run(ctx, reflector.Followed{Name: "rollout", Source: listWatch(r, s, store.Failed), Example: example,
			Store: store, Failed: store.Failed})
	})
	return cancel
}

// listWatch is the selected part of what a client reads. It tells of every failure.
func listWatch[L runtime.Object](r reader[L], s watches.Selection, failed func(error)) *toolscache.ListWatch {
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			s.Apply(&o)
			list, err := r.List(ctx, o)
			if err != nil && worthTelling(ctx, err) {
				failed(err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			s.Apply(&o)
			w, err := r.Watch(ctx, o)
			if err == nil || !worthTelling(ctx, err) {
				return w, err
			}
			if o.SendInitialEvents != nil {
				if !apierrors.IsInvalid(err) { // an older server, which is asked for a list next
					failed(err)
				}
				return w, err
			}
			failed(err)
			// The reflector would go on from where the watch broke off. Hiding the kind of error has it read everything
			// again, after which the store is known to be up to date.
			return nil, errors.New(err.Error())
		},
	}
}

// worthTelling is false for what is part of watching: its end, and a version that is too old to go on from.
func worthTelling(ctx context.Context, err error) bool {
	return ctx.Err() == nil && !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err)
}
