package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/sync/english"
)

func newRender() *cobra.Command {
	from := &origin{}
	var path string
	var remote, strict bool
	memory := resource.QuantityValue{Quantity: *resource.NewQuantity(child.DefaultMemory, resource.BinarySI)}
	c := &cobra.Command{
		Use:   "render URL|FOLDER",
		Short: "Print what a commit asks for, as YAML",
		Long: `Print the objects that a commit asks for, in the order in which they are applied, as YAML.

URL is a Git repository. A local folder that is one, or lies in its work tree, is read where it is: its newest commit
counts, and not what is changed in the work tree, unless --worktree is given. A folder that is in no Git repository is
rendered as it is. Which commit it was, and warnings, go to stderr.

An ssh URL is read with the keys of the ssh agent and the host keys of ~/.ssh/known_hosts, as git does it (~/.ssh/config is
not read); an https URL with the token in --token-file, or with what stands in the URL itself.`,
		Example: `  daemongate render https://git.example.com/platform/fleet.git --path clusters/prod/agents --ref main
  daemongate render . --path clusters/prod/agents --commit HEAD~1
  daemongate render clusters/prod/agents --worktree
  daemongate render git@git.example.com:platform/fleet.git --path clusters/prod/agents
  kubectl diff -f <(daemongate render . --path clusters/prod/agents)`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			from.location, from.access.stdin = args[0], c.InOrStdin()
			if err := from.check(); err != nil {
				return usage(c, err)
			}
			return from.render(c.Context(), path, remote, strict, child.Limits{Memory: memory.Value()}, c.OutOrStdout(),
				c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&path, "path", ".", "folder to render, relative to the repository's root, or to FOLDER")
	c.Flags().BoolVar(&strict, "strict", false, "fail if kustomize drops something without a word: a value of a "+
		"patch, or a reference to what it renamed")
	c.Flags().BoolVar(&remote, "allow-remote-bases", false, "let kustomizations name folders of other repositories, "+
		"pinned to a commit")
	c.Flags().Var(&memory, "max-memory", "end with an error when the render has taken more memory than this, as a "+
		"Sync's render.maxMemory does")
	c.Flags().StringVar(&from.ref, "ref", "", "branch, tag or full ref name (default: the repository's HEAD)")
	c.Flags().StringVar(&from.commit, "commit", "", "hash of a commit, its first digits, or steps back such as HEAD~1")
	c.Flags().BoolVar(&from.worktree, "worktree", false, "of a local repository the work tree as it is, with what is "+
		"not committed")
	from.access.flags(c.Flags())
	c.Flags().StringVar(&from.cache, "data-dir", cacheDir(), "folder for the mirrors of repositories")
	return c
}

func (from *origin) render(ctx context.Context, path string, remote, strict bool, limits child.Limits, out,
	notes io.Writer) error {
	tree, err := from.open(ctx)
	if err != nil {
		return err
	}
	defer tree.close()
	if tree.what != "" {
		_, _ = fmt.Fprintln(notes, tree.what)
	}
	var options render.Options
	if remote {
		bases := from.store()
		defer bases.Close()
		options.Base = func(ctx context.Context, url, commit string) (fs.FS, error) {
			return from.base(ctx, bases, url, commit)
		}
	}
	result, err := child.Here(ctx, tree.files, tree.in(path), options, limits)
	for _, w := range result.Warnings {
		_, _ = fmt.Fprintln(notes, "warning:", w)
	}
	if n := len(result.Dropped); err == nil && strict && n > 0 {
		err = fmt.Errorf("%s: %s by kustomize, as the warnings say, and --strict is given", path,
			english.Count(n, "thing")+" dropped")
	}
	if err != nil {
		return err
	}
	set, err := manifests.NewSet(result.Objects)
	if err != nil {
		return err
	}
	return printSet(out, set)
}

// base fetches a commit of another repository. The credentials are for the origin's own server alone.
func (from *origin) base(ctx context.Context, store *gitsource.Store, url, commit string) (*gitsource.Tree, error) {
	var auth gitsource.Auth
	if remote.SameServer(url, from.location) {
		var err error
		if auth, err = from.access.auth(url); err != nil {
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

// printSet prints one document per object. It is whole or not at all: half a set in a pipe would be taken for one.
func printSet(out io.Writer, set manifests.Set) error {
	var b strings.Builder
	for _, o := range set.Objects() {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return fmt.Errorf("%s: %w", manifests.IDOf(o), err)
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// cacheDir is where the mirrors of repositories are, unless a flag says otherwise. All of it can be deleted.
func cacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "daemongate")
	}
	return filepath.Join(os.TempDir(), "daemongate")
}
