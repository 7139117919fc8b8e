package changes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	gosync "sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/source"
	"github.com/daemongate/daemongate/sync/view"
)

// Reader reads commits and renders them. It writes nothing.
type Reader struct {
	// Repository opens the mirror of a Sync's repository, and Base that of another one that it stands on.
	Repository func(context.Context, *api.Sync) (*gitsource.Repository, error)
	Base       func(ctx context.Context, s *api.Sync, url string) (source.Repository, error)
	Renders    sync.Renderer
	Ceilings   sync.RenderCeilings
	// Queue is that of all renders.
	Queue *fairqueue.Queue
	// Marks outlive a process that ends while it renders; nil for none.
	Marks   *deaths.Marks
	Cluster Cluster
}

// Cluster knows what kinds there are.
type Cluster interface {
	Resolve(ctx context.Context, set manifests.Set, o manifests.Options) (manifests.Set, error)
	Resources(ctx context.Context, set manifests.Set) (map[manifests.ID]schema.GroupVersionResource, error)
}

// Read reads what a commit has changed against one before it, or against nothing.
func (r *Reader) Read(ctx context.Context, s *api.Sync, before, commit string) Of {
	of := Of{Before: before}
	repository, err := r.Repository(ctx, s)
	if err == nil {
		err = fetch(ctx, repository, s, commit)
	}
	var c gitsource.Commit
	if err == nil {
		c, err = repository.Commit(commit)
	}
	if err == nil {
		of.Message, err = gitsource.Message(repository, commit)
	}
	if err != nil {
		of.Passing = true
		return of.none("The commit cannot be read from its repository: %v", err)
	}
	of.Author, of.At = c.Author, c.Time
	if mode := s.Spec.Source.Verify.Mode; mode != "" && mode != api.VerifyNone && !view.Applied(&s.Status, commit) {
		of.Passing = true
		return of.none("The Sync asks for signatures, and this commit was not applied: what it asks for is not " +
			"rendered.")
	}
	if s.IsElsewhere() { // what somebody may get here says nothing of that cluster
		return of.none("The Sync writes to another cluster: what a commit has changed is shown to who may get its " +
			"objects, and nobody here knows who may get them there.")
	}
	return r.compare(ctx, s, of, commit, repository)
}

// compare renders both commits, and compares what comes out.
func (r *Reader) compare(ctx context.Context, s *api.Sync, of Of, commit string, from *gitsource.Repository) Of {
	after, at, err := r.set(ctx, s, from, commit)
	if err != nil {
		of.Passing, of.Later = true, errors.Is(err, errDied)
		return of.none("What it asks for is not known: %v", err)
	}
	var was manifests.Set
	if of.Before != "" {
		var there map[manifests.ID]schema.GroupVersionResource
		if err = fetch(ctx, from, s, of.Before); err == nil {
			was, there, err = r.set(ctx, s, from, of.Before)
		}
		if err != nil {
			of.Passing, of.Later = true, errors.Is(err, errDied)
			return of.none("What %s asked for, which was applied before it, is not known: %v", api.Short(of.Before),
				err)
		}
		maps.Copy(at, there)
	}
	if of.Objects, err = between(was, after, at); err != nil {
		return of.none("What has changed cannot be written down: %v", err)
	}
	of.Later = slices.ContainsFunc(of.Objects, func(o Object) bool { return o.Resource.Resource == "" })
	of.Passing = of.Later
	return of
}

// fetch brings a commit that the mirror does not have, unless the Sync is suspended.
func fetch(ctx context.Context, from *gitsource.Repository, s *api.Sync, commit string) error {
	_, err := from.Commit(commit)
	if err == nil || s.Spec.Suspend {
		return err
	}
	_, err = from.Head(ctx, gitsource.Ref{Commit: commit})
	return err
}

// errDied says that a process has ended over a render.
var errDied = errors.New("a process ended while it rendered that for this page: it is not tried again for a day")

// errNoRoom says that there was no time for a render.
var errNoRoom = errors.New("other renders go first: look again in a minute")

// set is what a commit asks for, with where the API server has these objects.
func (r *Reader) set(ctx context.Context, s *api.Sync, from *gitsource.Repository, commit string) (set manifests.Set,
	at map[manifests.ID]schema.GroupVersionResource, err error) {
	_, limits, _, err := r.Ceilings.Limits(s)
	if err != nil {
		return set, nil, err
	}
	mark := s.Namespace + "/" + s.Name + " " + commit
	if since, died := r.Marks.Found(mark); died && time.Since(since) < 24*time.Hour {
		return set, nil, errDied
	}
	ran := r.Queue.Do(ctx, fairqueue.Job{Namespace: s.Namespace, Memory: limits.Memory,
		Suspect: deaths.IsSuspect(s.Status.Renders, time.Now())}, func(ctx context.Context) {
		var end func()
		if end, err = r.Marks.Begin(mark, time.Now()); err != nil {
			return
		}
		defer end()
		set, err = r.render(ctx, s, from, commit)
	})
	if !ran {
		return set, nil, errNoRoom
	}
	if err == nil {
		set, err = r.Cluster.Resolve(ctx, set, sync.WriteOptions(s))
	}
	if err == nil {
		at, err = r.Cluster.Resources(ctx, set)
	}
	return set, at, err
}

// render renders a commit as the Sync's spec is now.
func (r *Reader) render(ctx context.Context, s *api.Sync, from *gitsource.Repository, commit string) (manifests.Set,
	error) {
	var background gosync.WaitGroup
	defer background.Wait()
	of := source.Open(s, time.Now(), source.Options{Repository: from, Base: r.Base, Life: ctx,
		Background: background.Go, Wake: func(time.Time) {}})
	tree, err := of.Tree(ctx, s, commit)
	if err != nil {
		return manifests.Set{}, err
	}
	options, limits, _, err := r.Ceilings.Limits(s)
	if err != nil {
		return manifests.Set{}, err
	}
	if s.Spec.Render.AllowRemoteBases {
		options.Base = func(ctx context.Context, url, commit string) (fs.FS, error) {
			return of.Base(ctx, s, url, commit)
		}
	}
	built, err := r.Renders.Build(ctx, tree, s.Spec.Source.Path, options, limits)
	if err != nil {
		return manifests.Set{}, fmt.Errorf("render %s: %w", api.Short(commit), err)
	}
	return manifests.NewSet(built.Objects)
}
