package main

import (
	"context"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// lookTimeout is how long the first look at a cluster may take.
const lookTimeout = time.Minute

// explainLive judges what a Sync has in flight, with what the controller remembers of earlier looks.
func explainLive(ctx context.Context, k *cluster, name, only string) ([]rollout.Judged, error) {
	s, _, err := k.sync(ctx, name)
	if err != nil {
		return nil, err
	}
	f := s.Status.InFlight
	if f == nil || len(f.Workloads) == 0 {
		return nil, fmt.Errorf("Sync %s/%s: no DaemonSet was applied yet", s.Namespace, s.Name)
	}
	options, err := sync.RolloutOptions(s)
	if err != nil {
		return nil, err
	}
	config, _, err := k.connect()
	if err != nil {
		return nil, err
	}
	clients, err := rollout.NewClients(config)
	if err != nil {
		return nil, err
	}
	observer := rollout.NewObserver(clients)
	defer observer.Stop()
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var judged []rollout.Judged
	for _, w := range f.Workloads {
		if only != "" && only != w.Name && only != w.Namespace+"/"+w.Name {
			continue
		}
		one, err := judgeLive(ctx, observer, w, options)
		if err != nil {
			return nil, err
		}
		judged = append(judged, one)
	}
	if len(judged) == 0 {
		return nil, fmt.Errorf("DaemonSet %s: Sync %s/%s has none of that name in flight", only, s.Namespace, s.Name)
	}
	return judged, nil
}

// judgeLive takes one look at a workload.
func judgeLive(ctx context.Context, observer *rollout.Observer, w api.Workload, o rollout.Options) (rollout.Judged, error) {
	target, memory, err := sync.Recall(w)
	if err != nil {
		return rollout.Judged{}, err
	}
	seen := make(chan struct{}, 1)
	observer.Watch("explain", []rollout.Target{target}, func() {
		select {
		case seen <- struct{}{}:
		default:
		}
	})
	for {
		look, synced := observer.Look(target)
		if synced {
			look.Now = time.Now()
			j, _ := rollout.Judge(look, target, memory, o)
			return rollout.Judged{Target: target, Look: look, Judgement: j}, nil
		}
		select {
		case <-ctx.Done():
			if err := observer.Trouble(target); err != nil {
				return rollout.Judged{}, err
			}
			return rollout.Judged{}, fmt.Errorf("DaemonSet %s/%s: could not be looked at: %w", target.Namespace, target.Name, ctx.Err())
		case <-seen:
		}
	}
}
