package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/object"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/rollout/report"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// lookTimeout is how long the first look at a cluster may take.
const lookTimeout = time.Minute

// explainLive judges what a Sync has in flight, with what the controller remembers of earlier looks.
func explainLive(ctx context.Context, k *cluster, name, only string) (report.Report, error) {
	s, unread, err := k.written(ctx, name)
	if apierrors.IsForbidden(err) {
		return report.Report{}, fmt.Errorf("%w; if %s is a DaemonSet, write ds/%s", err, name, name)
	}
	if err != nil {
		return report.Report{}, err
	}
	if unread != nil && s.Status.StoredWorkloads != nil {
		return report.Report{}, fmt.Errorf("what the commit waits for cannot be read: %w", unread)
	}
	if s.IsElsewhere() {
		return report.Report{}, fmt.Errorf("%w: `daemongate status %s` says what the controller sees there, and "+
			"`daemongate explain ds/NAME` with the --kubeconfig of that cluster looks at it", sync.Elsewhere(s),
			s.OnCommandLine())
	}
	waits := view.Waits(s, time.Now())
	if f := s.Status.InFlight; f == nil || len(f.Workloads) == 0 {
		return report.Report{}, errors.New(english.Join(fmt.Sprintf("Sync %s/%s: nothing that a commit waits for was "+
			"applied yet", s.Namespace, s.Name), ": ", strings.Join(waits, "; ")))
	}
	judged, err := judgeFlight(ctx, k, s, only)
	if err != nil {
		return report.Report{}, err
	}
	r := report.New(judged...)
	r.Waits = waits
	return r, nil
}

// judgeFlight judges what the commit in flight of a Sync waits for, or only the DaemonSet of a name.
func judgeFlight(ctx context.Context, k *cluster, s *api.Sync, only string) ([]report.Judged, error) {
	f := s.Status.InFlight
	options, err := sync.RolloutOptions(s)
	if err != nil {
		return nil, err
	}
	config, _, err := k.connect()
	if err != nil {
		return nil, err
	}
	clients, err := observe.NewClients(config)
	if err != nil {
		return nil, err
	}
	observer := observe.NewLenient(clients)
	defer observer.Stop()
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var judged []report.Judged
	for _, w := range f.Workloads {
		if only != "" && (!w.IsDaemonSet() || only != w.Name && only != w.Namespace+"/"+w.Name) {
			continue
		}
		var one report.Judged
		var err error
		if w.IsDaemonSet() {
			one, err = judgeLive(ctx, clients, observer, w, options)
		} else {
			one, err = judgeObject(ctx, config, w, options)
		}
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

// judgeObject reads what is no DaemonSet and judges it.
func judgeObject(ctx context.Context, config *rest.Config, w api.Workload, o rollout.Options) (report.Judged, error) {
	target, memory, err := sync.Recall(w)
	if err != nil {
		return report.Judged{}, err
	}
	objects, err := manifests.NewClient(config)
	if err != nil {
		return report.Judged{}, err
	}
	look := object.Look{}
	if look.Live, err = objects.Get(ctx, manifests.ID{Group: w.Group, Kind: w.Kind, Namespace: w.Namespace,
		Name: w.Name}); err != nil {
		look.Problem = err.Error()
	}
	look.Now = time.Now()
	j, _ := object.Judge(look, target, memory, o)
	return report.Judged{Target: target, Look: rollout.Look{Now: look.Now}, Judgement: j}, nil
}

// judgeLive takes one look at a workload. Where a node has no room it is looked at once more, with what else stands
// there.
func judgeLive(
	ctx context.Context, clients observe.Clients, observer *observe.Observer, w api.Workload, o rollout.Options,
) (report.Judged, error) {
	target, memory, err := sync.Recall(w)
	if err != nil {
		return report.Judged{}, err
	}
	live := watchLive(clients, observer, target, o)
	live.memory = memory
	look, err := live.look(ctx)
	if err != nil {
		return report.Judged{}, err
	}
	j := live.weigh(ctx, &look, func(rollout.Judgement) bool { return true })
	if ahead := clients.Ahead(); ahead != 0 {
		j.Notes = append(j.Notes, fmt.Sprintf("the API server's clock is off this machine's by %s, and is the one "+
			"that counts", ahead.Round(time.Second)))
	}
	return report.Judged{Target: target, Look: look, Judgement: j}, nil
}

// lookCloser reads what the first judgement could not know, with the caller's own rights, and reports whether there was
// anything to read. The error is why the Leases could not be read.
func lookCloser(
	ctx context.Context, clients observe.Clients, observer *observe.Observer, look *rollout.Look, j rollout.Judgement,
) (closer bool, err error) {
	nodes, quota := j.WithoutRoom(), j.OverQuota()
	if len(nodes) > 0 {
		look.Others = clients.Others(ctx, nodes)
	}
	if quota {
		var unread error
		if look.Quotas, unread = clients.Quotas(ctx, look.DaemonSet.Namespace); unread != nil {
			look.Missing = append(slices.Clone(look.Missing), rollout.KindQuotas)
		}
	}
	if len(j.ReadClocks) > 0 {
		look.Clocks = clients.Clocks(ctx, j.ReadClocks)
	}
	if j.ReadLeases {
		look.Leases, err = observer.Leases(ctx)
	}
	return len(nodes) > 0 || quota || len(j.ReadClocks) > 0 || len(look.Leases) > 0, err
}
