package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"

	gate "github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// recorder watches the Sync and writes down every state that a commit comes to, as the cluster shows it.
type recorder struct {
	mu      sync.Mutex
	states  map[string][]api.Record
	status  api.SyncStatus
	changed chan struct{}
}

// record watches the Syncs of a namespace until the context ends. It returns when the watch has begun.
func record(ctx context.Context, client dynamic.Interface, namespace string) (*recorder, error) {
	r := &recorder{states: map[string][]api.Record{}, changed: make(chan struct{}, 1)}
	informer := gate.NewSyncs(client).Informer(namespace)
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    r.see,
		UpdateFunc: func(_, o any) { r.see(o) },
	})
	if err != nil {
		return nil, err
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("watch the Syncs: %w", context.Cause(ctx))
	}
	return r, nil
}

func (r *recorder) see(o any) {
	s, err := gate.FromInformer(o)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.status = s.Status
	for _, record := range s.Status.History {
		said := r.states[record.Commit]
		if n := len(said); n == 0 || !same(said[n-1], record) {
			r.states[record.Commit] = append(said, record)
		}
	}
	r.mu.Unlock()
	r.wake()
}

// wake has those who wait look again.
func (r *recorder) wake() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func same(a, b api.Record) bool {
	return a.State == b.State && a.By == b.By && a.Outcome == b.Outcome && a.Message == b.Message
}

// of returns the states that a commit has come to, in order.
func (r *recorder) of(commit string) []api.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states[commit])
}

// last returns the newest status of the Sync.
func (r *recorder) last() api.SyncStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// wait returns when the condition holds, or an error that says what was waited for and how things stand: also when the
// demo is ended before the time is over.
func (r *recorder) wait(ctx context.Context, within time.Duration, what string, holds func() bool) error {
	asked := ctx
	ctx, cancel := context.WithTimeout(asked, within)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			s := r.last()
			if asked.Err() != nil {
				return fmt.Errorf("interrupted while waiting for %s; the Sync says %+v", what, s.Summary)
			}
			return fmt.Errorf("waited %s for %s; the Sync says %+v", within, what, s.Summary)
		case <-r.changed:
		}
	}
	return nil
}
