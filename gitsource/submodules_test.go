package gitsource_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
)

// family is a repository over http with a submodule that has one itself, both by relative URLs.
type family struct {
	parent, child, grandchild *work
	url                       string
	store                     *gitsource.Store
	opened                    []string
}

func newFamily(t *testing.T) *family {
	t.Helper()
	root := t.TempDir()
	in := func(name string) *work {
		w := &work{t, filepath.Join(root, name)}
		if err := os.MkdirAll(w.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		w.git("init", "-q", "-b", "main")
		return w
	}
	f := &family{parent: in("parent"), child: in("child"), grandchild: in("grandchild"),
		store: gitsource.Open(t.TempDir(), patient(gitsource.Options{}))}
	t.Cleanup(f.store.Close)
	f.grandchild.write("g.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: grandchild}\n")
	f.grandchild.commit("g")
	f.child.write("c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: child}\n")
	f.child.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f.grandchild.dir, "deep")
	f.child.write(".gitmodules", "[submodule \"deep\"]\n\tpath = deep\n\turl = ../../grandchild/.git\n")
	f.child.commit("c")
	f.parent.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f.child.dir, "base/mod")
	f.parent.write(".gitmodules", "[submodule \"base/mod\"]\n\tpath = base/mod\n\turl = ../../child/.git\n")
	f.parent.write("app/kustomization.yaml", "resources: [../base/mod/c.yaml, ../base/mod/deep/g.yaml]\n")
	f.parent.commit("p")
	f.url = serve(t, root).URL + "/parent/.git"
	return f
}

// tree is the parent's newest commit, with submodules.
func (f *family) tree(t *testing.T) *gitsource.Tree {
	t.Helper()
	fetch := func(url, commit string) (*gitsource.Tree, error) {
		f.opened = append(f.opened, url)
		r, err := f.store.Repository(url, gitsource.Auth{})
		if err != nil {
			return nil, err
		}
		if _, err := r.Head(t.Context(), gitsource.Ref{Commit: commit}); err != nil {
			return nil, err
		}
		return r.Tree(t.Context(), commit)
	}
	r, err := f.store.Repository(f.url, gitsource.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := r.Tree(t.Context(), head(t, r))
	if err != nil {
		t.Fatal(err)
	}
	return tree.WithSubmodules(f.url, fetch)
}

// Submodules, and theirs, are folders when they are followed: they render, each is fetched once, and their files have
// the same hashes as in their own repositories.
func TestSubmodulesAreFollowed(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	tree := f.tree(t)
	set, err := render.Build(t.Context(), tree, "app", render.Options{})
	if err != nil || len(set.Objects) != 2 {
		t.Fatalf("%d objects: %v", len(set.Objects), err)
	}
	files := 0
	err = fs.WalkDir(tree, "base", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
		}
		return err
	})
	if err != nil || files != 3 {
		t.Errorf("walked over %d files: %v", files, err)
	}
	if got, want := must(tree.Blob("base/mod/deep/g.yaml")), f.grandchild.git("rev-parse", "main:g.yaml"); got != want {
		t.Errorf("g.yaml is %s, want %s", got, want)
	}
	if len(f.opened) != 2 || !strings.HasSuffix(f.opened[0], "/child/.git") ||
		!strings.HasSuffix(f.opened[1], "/grandchild/.git") {
		t.Errorf("opened were %q", f.opened)
	}
}

// A submodule that leads where it must not, or nowhere, is the commit's mistake, which no other try would mend: an
// error that says what to do. One whose server is down is not.
func TestSubmodulesThatLeadAstray(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	for words, modules := range map[string]string{
		"path of this machine":    "[submodule \"x\"]\n\tpath = base/mod\n\turl = " + f.child.dir + "\n",
		"remote helper":           "[submodule \"x\"]\n\tpath = base/mod\n\turl = ext::sh\n",
		"above the server's root": "[submodule \"x\"]\n\tpath = base/mod\n\turl = ../../../../..\n",
		"add its path and url":    "[submodule \"x\"]\n\tpath = elsewhere\n\turl = ../child/.git\n",
		"cannot be read":          "[submodule\n",
		"belongs into no commit": "[submodule \"x\"]\n\tpath = base/mod\n\turl = https://ada:" +
			url.PathEscape(secret) + "@127.0.0.1:1/x.git\n",
	} {
		f.parent.write(".gitmodules", modules)
		f.parent.commit(words)
		_, err := render.Build(t.Context(), f.tree(t), "app", render.Options{})
		mistake(t, err, words, "base/mod")
		hidden(t, words, fmt.Sprint(err))
	}
	f.parent.git("rm", "-q", "--cached", ".gitmodules")
	f.parent.git("commit", "-q", "-m", "none")
	_, err := render.Build(t.Context(), f.tree(t), "app", render.Options{})
	mistake(t, err, "no .gitmodules", "base/mod")

	f.parent.write(".gitmodules", "[submodule \"x\"]\n\tpath = base/mod\n\turl = http://127.0.0.1:1/x.git\n")
	f.parent.commit("down")
	_, err = render.Build(t.Context(), f.tree(t), "app", render.Options{})
	var unread *render.TreeError
	if !errors.As(err, &unread) {
		t.Errorf("a server that is down is the commit's mistake: %v", err)
	}
}

func mistake(t *testing.T, err error, words ...string) {
	t.Helper()
	var unread *render.TreeError
	if err == nil || errors.As(err, &unread) {
		t.Errorf("%q: not the commit's mistake: %v", words, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error lacks %q: %v", word, err)
		}
	}
}

// Submodules within each other end somewhere.
func TestSubmodulesWithinEachOther(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	w.write(".gitmodules", "[submodule \"again\"]\n\tpath = again\n\turl = ./\n")
	w.git("add", ".gitmodules")
	tip := w.commit("0")
	for i := range 8 {
		w.git("update-index", "--add", "--cacheinfo", fmt.Sprintf("160000,%s,again", tip))
		w.git("commit", "-q", "-m", fmt.Sprint(i))
		tip = w.git("rev-parse", "HEAD")
	}
	r := open(t, w.dir, gitsource.Auth{}, gitsource.Options{})
	plain, err := r.Tree(t.Context(), head(t, r))
	if err != nil {
		t.Fatal(err)
	}
	tree := plain.WithSubmodules(w.dir, func(_, commit string) (*gitsource.Tree, error) {
		return r.Tree(t.Context(),
			commit)
	})
	if _, err := tree.ReadFile("again/again/.gitmodules"); err != nil {
		t.Error(err)
	}
	if _, err := tree.Stat(strings.Repeat("again/", 7) + "again"); err == nil ||
		!strings.Contains(err.Error(), "more than 5 submodules") {
		t.Errorf("eight within each other: %v", err)
	}
}

// A render that needs what Git does not have is the commit's mistake: a submodule that is not followed, a Git LFS
// pointer.
func TestRenderOfWhatIsNotInGit(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	r, err := f.store.Repository(f.url, gitsource.Auth{})
	if err != nil {
		t.Fatal(err)
	}
	f.parent.write("lfs/kustomization.yaml", "resources: [a.yaml]\n")
	f.parent.write("lfs/a.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("a", 64)+
		"\nsize 12345\n")
	f.parent.commit("lfs")
	tree, err := r.Tree(t.Context(), head(t, r))
	if err != nil {
		t.Fatal(err)
	}
	_, err = render.Build(t.Context(), tree, "app", render.Options{})
	mistake(t, err, "submodule", "spec.source.submodules")
	_, err = render.Build(t.Context(), tree, "lfs", render.Options{})
	mistake(t, err, "lfs/a.yaml", "Git LFS")
}
