package controller

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/render"
)

// A repository that is named as git@host:path has its submodules read with its key, however they are named; and no
// other host is offered the key.
func TestSubmodulesOverSSHGetTheKeyOfTheirHost(t *testing.T) {
	for url, here := range map[string]bool{
		"../child": true, "git@git.invalid:org/child": true, "ssh://git@git.invalid/org/child": true,
		"git@other.invalid:org/child": false, "ssh://git@git.invalid:2222/org/child": false,
		"ssh://eve@git.invalid/org/child": false,
	} {
		t.Run(url, func(t *testing.T) {
			root := t.TempDir()
			parentOf(t, filepath.Join(root, "org"), url)
			server := gittest.ServeSSH(t, root)
			k := connectionsWith(t, map[string]string{"identity": server.Key, "proxy": server.Proxy,
				"known_hosts": server.Known("git.invalid", "other.invalid", "[git.invalid]:2222")})
			s := syncOf("git@git.invalid:org/parent")
			if _, err := openAll(t, k, s, ".gitmodules"); err != nil {
				t.Fatal(err)
			}
			before := server.Offered.Load()
			content, err := openAll(t, k, s, "m/file")
			if here && (err != nil || content != "of the child") {
				t.Errorf("read %q: %v", content, err)
			}
			if !here && (err == nil || server.Offered.Load() > before+1) { // one is the parent's poll
				t.Errorf("read %q: %v; the key was offered", content, err)
			}
		})
	}
}

// So has a kustomization's remote base, which is named by a form of its own.
func TestRemoteBasesOverSSHGetTheKeyOfTheirHost(t *testing.T) {
	for host, here := range map[string]bool{"git@git.invalid:": true, "ssh://git@git.invalid/": true,
		"git@other.invalid:": false} {
		root := t.TempDir()
		gittest.Write(t, filepath.Join(root, "org", "child", "kustomization.yaml"), "resources: [a.yaml]\n")
		gittest.Write(t, filepath.Join(root, "org", "child", "a.yaml"),
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
		parentOf(t, filepath.Join(root, "org"), "../child")
		parent, pin := filepath.Join(root, "org", "parent"), gittest.Run(t, filepath.Join(root, "org", "child"),
			"rev-parse", "HEAD")
		gittest.Write(t, filepath.Join(parent, "kustomization.yaml"), "resources: [\""+host+"org/child?ref="+pin+
			"\"]\n")
		server := gittest.ServeSSH(t, root)
		k := connectionsWith(t, map[string]string{"identity": server.Key, "proxy": server.Proxy,
			"known_hosts": server.Known("git.invalid", "other.invalid")})
		s := syncOf("git@git.invalid:org/parent")
		base := func(_ context.Context, url, commit string) (fs.FS, error) {
			r, err := k.Base(t.Context(), s, url)
			if err == nil {
				_, err = r.HeadWithin(t.Context(), gitsource.Ref{Commit: commit}, 0)
			}
			if err != nil {
				return nil, err
			}
			return r.Tree(t.Context(), commit)
		}
		set, err := render.Build(t.Context(), os.DirFS(parent), ".", render.Options{Base: base})
		if here != (err == nil) || here != (len(set.Objects) == 1) || !here && server.Offered.Load() > 0 {
			t.Errorf("%s: %d objects: %v", host, len(set.Objects), err)
		}
	}
}
