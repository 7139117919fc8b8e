package controller

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/gittest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/source"
)

// openAll reads a file of the newest commit of a Sync's repository as the controller does: with submodules.
func openAll(t *testing.T, k *connections, s *api.Sync, file string) (string, error) {
	t.Helper()
	fetch := func(r source.Repository, err error, ref gitsource.Ref) (*gitsource.Tree, error) {
		if err != nil {
			return nil, err
		}
		commit, err := r.HeadWithin(t.Context(), ref, 0)
		if err != nil {
			return nil, err
		}
		return r.Tree(t.Context(), commit)
	}
	r, err := k.Repository(t.Context(), s)
	tree, err := fetch(r, err, gitsource.Ref{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	content, err := tree.WithSubmodules(s.Spec.Source.URL, func(url, commit string) (*gitsource.Tree, error) {
		r, err := k.Base(context.Background(), s, url)
		return fetch(r, err, gitsource.Ref{Commit: commit})
	}).ReadFile(file)
	return string(content), err
}

// parentOf makes two repositories in a folder: parent has a submodule of a URL, which is child.
func parentOf(t *testing.T, org, url string) {
	t.Helper()
	child, parent := filepath.Join(org, "child"), filepath.Join(org, "parent")
	gittest.Write(t, filepath.Join(child, "file"), "of the child")
	gittest.Write(t, filepath.Join(parent, ".gitmodules"), "[submodule \"m\"]\n\tpath = m\n\turl = "+url+"\n")
	for _, dir := range []string{child, parent} {
		gittest.Run(t, dir, "init", "-q", "-b", "main")
		gittest.Run(t, dir, "config", "uploadpack.allowAnySHA1InWant", "true")
		gittest.Run(t, dir, "add", "-A")
		if dir == parent {
			gittest.Run(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+gittest.Run(t, child, "rev-parse",
				"HEAD")+",m")
		}
		gittest.Run(t, dir, "commit", "-q", "-m", "c")
	}
}

func connectionsWith(t *testing.T, data map[string]string) *connections {
	t.Helper()
	mirrors := gitsource.Open(t.TempDir(), gitsource.Options{})
	t.Cleanup(mirrors.Close)
	return &connections{mirrors: mirrors, secrets: &oneSecret{data: secretOf(data).Data}}
}

func syncOf(url string) *api.Sync {
	s := &api.Sync{}
	s.Namespace, s.Spec.Source.URL = "platform", url
	s.Spec.Source.SecretRef = &api.LocalObjectReference{Name: "git"}
	return s
}
