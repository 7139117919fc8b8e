package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	"github.com/daemongate/daemongate/cmd/daemongate/fleet/kept"
	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/cmd/daemongate/origin"
	pages "github.com/daemongate/daemongate/cmd/daemongate/page"
	"github.com/daemongate/daemongate/cmd/daemongate/watch"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/rollout/report"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/source"
)

func newWatch() *cobra.Command {
	k := &cluster{}
	return watch.New(watch.Reach{AddFlags: k.addTo, Connect: k.connect, Follow: followFlight, Released: released,
		User: k.user, History: printHistory, Diff: func(ctx context.Context, name string, out, notes io.Writer) error {
			return newestDiff(k, name).run(ctx, out, notes)
		}}, arguments(cobra.MatchAll(cobra.ExactArgs(1), ofSyncs)), stuck)
}

func newDashboard() *cobra.Command {
	k, git := &cluster{}, &origin.Access{}
	addFlags := func(f *pflag.FlagSet) { k.addTo(f); git.Flags(f) }
	return pages.New(pages.Cluster{AddFlags: addFlags, Connect: k.connect,
		Repositories: func(config *rest.Config) (pages.Changes, pages.Fleets, func(), error) {
			return repositoriesOfCaller(config, git)
		}},
		pages.Reach{Sight: shareSight, Released: released}, arguments(cobra.MatchAll(cobra.MaximumNArgs(1), ofSyncs)))
}

// repositoriesOfCaller reads what commits have changed, and what clusters have told of them, with the caller's own
// access to repositories.
func repositoriesOfCaller(config *rest.Config, git *origin.Access) (of pages.Changes, fleets pages.Fleets, done func(),
	err error) {
	if err := git.Check(); err != nil {
		return nil, nil, nil, err
	}
	client, err := manifests.NewClient(config)
	if err != nil {
		return nil, nil, nil, err
	}
	folder, err := os.MkdirTemp("", "daemongate-fleets-")
	if err != nil {
		return nil, nil, nil, err
	}
	store, renders := git.Store(), child.New(0)
	mirror := func(_ context.Context, s *api.Sync) (*gitsource.Repository, error) {
		return git.Mirror(store, s.Spec.Source.URL)
	}
	told := kept.Keep(kept.Reader{Repository: mirror, Folder: folder, Auth: func(s *api.Sync) gitsource.Source {
		return func(context.Context) (gitsource.Auth, error) { return git.Auth(s.Spec.Source.URL) }
	}})
	reader := &changes.Reader{
		Repository: mirror,
		Base: func(_ context.Context, _ *api.Sync, url string) (source.Repository, error) {
			return git.Mirror(store, url)
		},
		Renders: renders, Cluster: client,
		Queue: fairqueue.New(fairqueue.Options{Jobs: 2, Memory: child.DefaultTotal}),
	}
	read := changes.Keep(reader.Read)
	return read.Of, told, func() {
		read.Close()
		told.Close()
		renders.Close()
		store.Close()
		_ = os.RemoveAll(folder) // of the system's temporary ones
	}, nil
}

// sight is what flights are looked at with: the watches of all of them are shared.
type sight struct {
	config   *rest.Config
	clients  observe.Clients
	observer *observe.Observer
	// daemonSets says that nothing else is looked at.
	daemonSets bool
}

func newSight(config *rest.Config) (*sight, error) {
	clients, err := observe.NewClients(config)
	if err != nil {
		return nil, err
	}
	return &sight{config: config, clients: clients, observer: observe.NewLenient(clients)}, nil
}

// shareSight is a sight for all flights that are followed.
func shareSight(config *rest.Config) (pages.Sight, error) { return sharing(config, false) }

// shareSightOfController is that with the rights that an installed controller has for itself: they are for DaemonSets.
// What else a commit asks for it reads as the Syncs' ServiceAccounts, and says in their status how that is.
func shareSightOfController(config *rest.Config) (pages.Sight, error) {
	return sharing(config, true)
}

func sharing(config *rest.Config, daemonSets bool) (pages.Sight, error) {
	v, err := newSight(config)
	if err != nil {
		return pages.Sight{}, err
	}
	v.daemonSets = daemonSets
	follow := func(s *api.Sync) (follow.Follower, error) { return v.follow(s) }
	return pages.Sight{Follow: follow, Stop: v.observer.Stop}, nil
}

// followFlight begins to look at one flight, with watches of its own.
func followFlight(config *rest.Config, s *api.Sync) (follow.Follower, error) {
	own, err := newSight(config)
	if err != nil {
		return nil, err
	}
	f, err := own.follow(s)
	if err != nil {
		own.observer.Stop()
		return nil, err
	}
	return &followedAlone{f}, nil
}

// followedAlone has the watches that it is looked at with for itself.
type followedAlone struct{ *followed }

// Stop ends all looking.
func (f *followedAlone) Stop() { f.observer.Stop() }

// followed is what a commit in flight waits for, while it is looked at.
type followed struct {
	*sight
	options rollout.Options
	objects []followedObject
	news    chan struct{} // has a value when a DaemonSet may have changed
	key     string        // by which the observer knows whom to tell the news
}

// followedObject is one object of them, with what the last look at it came to.
type followedObject struct {
	workload api.Workload
	watcher  *watcher // nil if it is no DaemonSet
	judged   report.Judged
	looked   time.Time // zero before the first look
}

// objectPause is how long a look at what is no DaemonSet is good for.
const objectPause = 5 * time.Second

// follow begins to look at a flight, with what the controller remembers of earlier looks.
func (v *sight) follow(s *api.Sync) (*followed, error) {
	options, err := sync.RolloutOptions(s)
	if err != nil {
		return nil, err
	}
	f := &followed{sight: v, options: options, news: make(chan struct{}, 1)}
	f.key = fmt.Sprintf("%s/%s %p", s.Namespace, s.Name, f)
	var targets []rollout.Target
	for _, w := range s.Status.InFlight.Workloads {
		if v.daemonSets && !w.IsDaemonSet() {
			continue
		}
		one := followedObject{workload: w}
		if w.IsDaemonSet() {
			target, memory, err := sync.Recall(w)
			if err != nil {
				f.Stop()
				return nil, err
			}
			one.watcher = watchLive(v.clients, v.observer, target, options)
			one.watcher.memory = memory
			targets = append(targets, target)
		}
		f.objects = append(f.objects, one)
	}
	v.observer.Watch(f.key, targets, func() { poke(f.news) })
	return f, nil
}

// Judge looks at what may have changed.
func (f *followed) Judge(ctx context.Context) ([]report.Judged, error) {
	var all []report.Judged
	for i := range f.objects {
		o := &f.objects[i]
		if err := f.refresh(ctx, o); err != nil {
			return nil, err
		}
		all = append(all, o.judged)
	}
	return all, nil
}

func (f *followed) refresh(ctx context.Context, o *followedObject) error {
	now := f.Now()
	if o.watcher == nil {
		if !o.looked.IsZero() && now.Before(o.looked.Add(objectPause)) {
			return nil
		}
		judged, err := judgeObject(ctx, f.config, o.workload, f.options)
		if err == nil {
			o.judged, o.looked = judged, now
		}
		return err
	}
	wake := o.judged.Judgement.Wake
	if !o.looked.IsZero() && !o.watcher.changed() && (wake.IsZero() || now.Before(wake)) {
		return nil
	}
	look, err := o.watcher.look(ctx)
	if err != nil {
		o.looked = time.Time{}
		return err
	}
	j := o.watcher.weigh(ctx, &look, func(j rollout.Judgement) bool {
		return j.ReadLeases || len(j.ReadClocks) > 0 || j.Verdict == rollout.Stuck
	})
	o.judged, o.looked = report.Judged{Target: o.watcher.target, Look: look, Judgement: j}, now
	return nil
}

// changed reports whether something may have changed since it was last asked.
func (w *watcher) changed() bool {
	select {
	case <-w.seen:
		return true
	default:
		return false
	}
}

// Now is the time by the API server's clock.
func (f *followed) Now() time.Time { return f.clients.Now() }

// News has a value when a DaemonSet may have changed.
func (f *followed) News() <-chan struct{} { return f.news }

// Stop ends the looking at this flight.
func (f *followed) Stop() {
	f.observer.Unwatch(f.key)
	for _, o := range f.objects {
		if o.watcher != nil {
			f.observer.Unwatch(o.watcher.key)
		}
	}
}
