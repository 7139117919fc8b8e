package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/sync/english"
)

// Rendering is how the files of an origin are rendered.
type Rendering struct {
	Path string // the folder, relative to what the origin's location names
	// RemoteBases lets kustomizations name folders of other repositories.
	RemoteBases bool
	// Namespace, if set, is where every object is moved.
	Namespace string
	Strict    bool // what kustomize drops without a word is an error
	memory    resource.QuantityValue
}

// Flags adds the flags of how it is rendered.
func (r *Rendering) Flags(f *pflag.FlagSet) {
	r.memory = resource.QuantityValue{Quantity: *resource.NewQuantity(child.DefaultMemory, resource.BinarySI)}
	f.StringVar(&r.Path, "path", ".", "folder to render, relative to the repository's root, or to FOLDER")
	f.BoolVar(&r.Strict, "strict", false, "fail if kustomize drops something without a word: a value of a "+
		"patch, or a reference to what it renamed")
	f.BoolVar(&r.RemoteBases, "allow-remote-bases", false, "let kustomizations name folders of other repositories, "+
		"pinned to a commit")
	f.Var(&r.memory, "max-memory", "end with an error when the render has taken more memory than this, as a "+
		"Sync's render.maxMemory does")
}

// Set is what the files ask for. Which commit it was, and what kustomize warns of, is written to notes.
func (r *Rendering) Set(ctx context.Context, from *Origin, notes io.Writer) (manifests.Set, error) {
	tree, err := from.open(ctx)
	if err != nil {
		return manifests.Set{}, err
	}
	defer tree.close()
	if tree.what != "" {
		_, _ = fmt.Fprintln(notes, tree.what)
	}
	options := render.Options{Namespace: r.Namespace}
	if r.RemoteBases {
		bases := from.store()
		defer bases.Close()
		options.Base = func(ctx context.Context, url, commit string) (fs.FS, error) {
			return from.base(ctx, bases, url, commit)
		}
	}
	result, err := child.Here(ctx, tree.files, tree.in(r.Path), options, child.Limits{Memory: r.memory.Value()})
	for _, w := range result.Warnings {
		_, _ = fmt.Fprintln(notes, "warning:", w)
	}
	if n := len(result.Dropped); err == nil && r.Strict && n > 0 {
		err = fmt.Errorf("%s: %s by kustomize, as the warnings say, and --strict is given", r.Path,
			english.Count(n, "thing")+" dropped")
	}
	if err != nil {
		return manifests.Set{}, err
	}
	set, err := manifests.NewSet(result.Objects)
	return set, errors.Join(err, manifests.CheckRecords(result.Objects))
}

// base fetches a commit of another repository. The credentials are for the origin's own server alone.
func (from *Origin) base(ctx context.Context, store *gitsource.Store, url, commit string) (*gitsource.Tree, error) {
	var auth gitsource.Auth
	if remote.SameServer(url, from.Location) {
		var err error
		if auth, err = from.auth(url); err != nil {
			return nil, err
		}
	}
	repository, err := store.Repository(url, auth)
	if err != nil {
		return nil, err
	}
	if _, err := repository.Head(ctx, gitsource.Ref{Commit: commit}); err != nil {
		return nil, err
	}
	return repository.Tree(ctx, commit)
}
