package source

import (
	"context"
	"fmt"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Tree returns a commit's files, with those of its submodules if they are asked for. A submodule is a base like any
// other.
func (s *Source) Tree(ctx context.Context, sync *api.Sync, commit string) (*gitsource.Tree, error) {
	tree, err := s.options.Repository.Tree(ctx, commit)
	if err != nil || !sync.Spec.Source.Submodules {
		return tree, err
	}
	return tree.WithSubmodules(sync.Spec.Source.URL, func(url, commit string) (*gitsource.Tree, error) {
		return s.Base(ctx, sync, url, commit)
	}), nil
}

// Base returns the files of a commit of another repository. A fetch that takes long goes on in the background, and
// the error says that it is under way.
func (s *Source) Base(ctx context.Context, sync *api.Sync, url, commit string) (*gitsource.Tree, error) {
	fetch := func() (tree *gitsource.Tree, err error) {
		err = s.options.caught("the fetch of "+api.Short(commit), func() error {
			tree, err = s.fetchBase(sync, url, commit)
			return err
		})
		return tree, err
	}
	return s.bases.open(ctx, s.options.Background, fetch, url+" "+commit)
}

// fetchBase fetches a commit of another repository into its mirror.
func (s *Source) fetchBase(sync *api.Sync, url, commit string) (*gitsource.Tree, error) {
	ctx, cancel := context.WithTimeout(s.options.Life, pollTimeout)
	defer cancel()
	repository, err := s.options.Base(ctx, sync, url)
	if err != nil {
		return nil, err
	}
	if _, err := repository.HeadWithin(ctx, gitsource.Ref{Commit: commit}, 0); err != nil {
		return nil, err
	}
	return repository.Tree(ctx, commit)
}

// Keep has the repository keep a commit under a name. Before the first poll there may be no mirror to keep it in. A
// commit that cannot be kept is not tried again before a restart.
func (s *Source) Keep(sync *api.Sync, name, commit string) error {
	history, _ := s.poller.last()
	if commit == "" || history == nil || s.kept[name] == commit {
		return nil
	}
	if s.kept == nil {
		s.kept = map[string]string{}
	}
	s.kept[name] = commit
	if err := s.options.Repository.Keep(keepName(sync, name), commit); err != nil {
		return fmt.Errorf("commit %s could not be kept: %w", api.Short(commit), err)
	}
	return nil
}

// LetGo lets the repository forget what was kept for a Sync that is gone.
func (s *Source) LetGo(sync *api.Sync) {
	for name := range s.kept {
		_ = s.options.Repository.Keep(keepName(sync, name), "")
	}
}

func keepName(s *api.Sync, name string) string { return string(s.UID) + "/" + name }
