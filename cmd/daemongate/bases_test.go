package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Credentials are for the server of the Sync's repository: the same scheme, host, port and, over ssh, user. How the
// addresses are written does not matter.
func TestWhichServerIsTheSources(t *testing.T) {
	for _, c := range []struct {
		source, base string
		same         bool
	}{
		{"https://example.com/org/repo", "https://EXAMPLE.com/other/repo.git", true},
		{"https://example.com/org/repo", "https://example.com:443/org/base", true},
		{"https://example.com/org/repo", "https://example.com:8443/org/base", false},
		{"https://example.com/org/repo", "http://example.com/org/base", false},
		{"https://example.com/org/repo", "https://example.com.evil.example/org/base", false},
		{"https://example.com/org/repo", "https://evil.example/example.com", false},
		{"https://example.com/org/repo", "https://example.com@evil.example/org/base", false},
		{"https://example.com/org/repo", `https://evil.example\@example.com/org/base`, false},
		{"http://example.com:80/org/repo", "HTTP://example.com/org/base", true},
		{"git@example.com:org/repo", "ssh://git@example.com/org/base", true},
		{"git@example.com:org/repo", "git@example.com:org/base.git", true},
		{"git@example.com:org/repo", "ssh://git@example.com:22/org/base", true},
		{"git@example.com:org/repo", "example.com:org/base", true}, // whose user is git
		{"ssh://git@example.com:2222/org/repo", "git@example.com:org/base", false},
		{"git@example.com:org/repo", "eve@example.com:org/base", false},
		{"git@example.com:org/repo", "git@evil.example:org/base", false},
		{"git@example.com:org/repo", "https://example.com/org/base", false},
		{"ssh://git@[2001:db8::1]/org/repo", "ssh://git@[2001:db8::1]:22/org/base", true},
		{"/srv/repo", "/srv/base", false}, // there is nothing to say to a folder
		{"file:///srv/repo", "https:///srv/base", false},
	} {
		if got := sameServer(c.base, c.source); got != c.same {
			t.Errorf("of %s, %s is the same server: %v", c.source, c.base, got)
		}
	}
}

// openAll reads a file of the newest commit of a Sync's repository as the controller does: with submodules.
func openAll(t *testing.T, k *connections, s *api.Sync, file string) (string, error) {
	t.Helper()
	fetch := func(r sync.Repository, err error, ref gitsource.Ref) (*gitsource.Tree, error) {
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
	write(t, filepath.Join(child, "file"), "of the child")
	write(t, filepath.Join(parent, ".gitmodules"), "[submodule \"m\"]\n\tpath = m\n\turl = "+url+"\n")
	for _, dir := range []string{child, parent} {
		git(t, dir, "init", "-q", "-b", "main")
		git(t, dir, "config", "uploadpack.allowAnySHA1InWant", "true")
		git(t, dir, "add", "-A")
		if dir == parent {
			git(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+git(t, child, "rev-parse", "HEAD")+",m")
		}
		git(t, dir, "commit", "-q", "-m", "c")
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
