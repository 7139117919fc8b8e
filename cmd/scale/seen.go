package main

import (
	"context"
	"errors"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// seen is what a watch has told: of each object when it came to the value that it has.
type seen struct {
	mu     sync.Mutex
	values map[string]stamped
	err    error
}

type stamped struct {
	value string
	at    time.Time
}

// watching watches from now on all that has some labels, and goes on where a watch has ended: the API server ends one
// that lags behind, which happens where the processors are busy.
func watching[L metav1.ListInterface](ctx context.Context, labels string,
	list func(context.Context, metav1.ListOptions) (L, error),
	begin func(context.Context, metav1.ListOptions) (watch.Interface, error)) (watch.Interface, error) {
	now, err := list(ctx, metav1.ListOptions{LabelSelector: labels, Limit: 1})
	if err != nil {
		return nil, err
	}
	return watchtools.NewRetryWatcherWithContext(ctx, now.GetResourceVersion(), &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = labels
			return begin(ctx, o)
		}})
}

// follow takes in what a watch tells until ctx ends. valueOf names an object and says its value.
func follow(ctx context.Context, w watch.Interface, valueOf func(watch.Event) (name, value string)) *seen {
	s := &seen{values: map[string]stamped{}}
	go func() {
		defer w.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e, open := <-w.ResultChan():
				if !open || e.Type == watch.Error {
					s.fail(errors.New("a watch has ended"))
					return
				}
				s.put(valueOf(e))
			}
		}
	}()
	return s
}

func (s *seen) put(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values[name].value != value {
		s.values[name] = stamped{value, time.Now()}
	}
}

func (s *seen) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// have returns when the first and the last of the objects came to their values, and whether all have.
func (s *seen) have(want map[string]string) (first, last time.Time, all bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = true
	for name, value := range want {
		is := s.values[name]
		if is.value != value {
			all = false
			continue
		}
		if first.IsZero() || is.at.Before(first) {
			first = is.at
		}
		if is.at.After(last) {
			last = is.at
		}
	}
	return first, last, all, s.err
}

// wait is have, once all have.
func (s *seen) wait(ctx context.Context, what string, want map[string]string) (first, last time.Time, err error) {
	err = until(ctx, what, func() (all bool, err error) {
		first, last, all, err = s.have(want)
		return all, err
	})
	return first, last, err
}

// when returns since when an object has the value that it has; the zero time if it was not seen.
func (s *seen) when(name string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[name].at
}
