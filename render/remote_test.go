package render_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

const pin = "0123456789abcdef0123456789abcdef01234567"

// elsewhere are the repositories that remote bases may come from, and what was asked of them.
type elsewhere struct {
	trees map[string]fs.FS // by URL and commit
	asked []string
}

func (e *elsewhere) open(_ context.Context, url, commit string) (fs.FS, error) {
	e.asked = append(e.asked, url+" "+commit)
	if tree, ok := e.trees[url+" "+commit]; ok {
		return tree, nil
	}
	return nil, errors.New("no such repository")
}

// A remote base that is pinned to a commit is rendered from that commit's tree, in every form in which its address can
// be written, with what it names itself; nothing of it is in the read set, because nothing of it can change.
func TestPinnedRemoteBase(t *testing.T) {
	base := rendertest.Tree(t, "-- agents/kustomization.yaml --\nresources: [../parts/a.yaml]\n-- parts/a.yaml --\n"+
		fmt.Sprintf(configMap, "a"))
	for address, url := range map[string]string{
		"https://example.com/org/base.git//agents?ref=":     "https://example.com/org/base.git",
		"https://example.com/org/base//agents?ref=":         "https://example.com/org/base",
		"https://example.com/org/base/agents?ref=":          "https://example.com/org/base",
		"git::https://example.com/org/base.git/agents?ref=": "https://example.com/org/base.git",
		"ssh://git@example.com/org/base//agents?version=":   "ssh://git@example.com/org/base",
		"git@example.com:org/base.git//agents?ref=":         "ssh://git@example.com/org/base.git",
		"github.com/org/base//agents?ref=":                  "https://github.com/org/base",
	} {
		t.Run(address, func(t *testing.T) {
			e := &elsewhere{trees: map[string]fs.FS{url + " " + pin: base}}
			files := rendertest.Tree(t, "-- prod/kustomization.yaml --\nnamePrefix: x-\nresources:\n- "+address+pin+"\n")
			result, err := render.Build(t.Context(), files, "prod", render.Options{Base: e.open})
			if err != nil {
				t.Fatal(err)
			}
			if got := names(result); !slices.Equal(got, []string{"ConfigMap x-a"}) {
				t.Errorf("rendered %q", got)
			}
			if !slices.Equal(e.asked, []string{url + " " + pin}) {
				t.Errorf("asked for %q", e.asked)
			}
			for _, p := range result.Read {
				if strings.HasPrefix(p, "@") {
					t.Errorf("the read set names %s of another repository", p)
				}
			}
		})
	}
}

// A remote base may stand on a remote base, which is held to the same.
func TestRemoteBaseOfARemoteBase(t *testing.T) {
	e := &elsewhere{trees: map[string]fs.FS{
		"https://example.com/org/one " +
			pin: rendertest.Tree(t, "-- kustomization.yaml --\nbases: [\"https://example.com/org/two?ref="+pin+"\"]\n"),
		"https://example.com/org/two " + pin: rendertest.Tree(t, "-- kustomization.yaml --\nresources: [a.yaml]\n-- a.yaml --\n"+
			fmt.Sprintf(configMap, "two")),
	}}
	files := rendertest.Tree(t, "-- kustomization.yaml --\nresources: [\"https://example.com/org/one?ref="+pin+"\"]\n")
	result, err := render.Build(t.Context(), files, ".", render.Options{Base: e.open})
	if got := names(result); err != nil || !slices.Equal(got, []string{"ConfigMap two"}) {
		t.Fatalf("rendered %q, %v", got, err)
	}
}

// What is not pinned, has credentials, leads from one repository into another, or would be fetched by anything but Base
// is refused, by name.
func TestRemoteBasesThatAreRefused(t *testing.T) {
	secretFile := "-- secret.yaml --\n" + fmt.Sprintf(configMap, "secret")
	for _, story := range []struct{ name, files, base, want string }{
		{"a branch", "-- kustomization.yaml --\nresources: [\"https://example.com/org/base?ref=main\"]\n", "",
			"line 1: resources: https://example.com/org/base?ref=main: is not pinned"},
		{"nothing", "-- kustomization.yaml --\nresources: [\"https://example.com/org/base\"]\n", "", "is not pinned"},
		{"an abbreviated commit", "-- kustomization.yaml --\nresources: " +
			"[\"https://example.com/org/base?ref=0123456\"]\n", "", "is not pinned"},
		{"a password", "-- kustomization.yaml --\nresources: [\"https://me:hunter2@example.com/org/base?ref=" + pin +
			"\"]\n", "", "credentials"},
		{"a file URL", "-- kustomization.yaml --\nresources: [\"file:///srv/git/a.git?ref=" + pin + "\"]\n", "",
			"file:// is refused"},
		{"submodules", "-- kustomization.yaml --\nresources: [\"https://example.com/org/base?ref=" + pin +
			"&submodules=true\"]\n", "", "submodules= is not supported"},
		{"a single file", "-- kustomization.yaml --\npatches: [{path: \"https://example.com/p.yaml\"}]\n", "",
			"is remote"},
		{"a base that reads its user's tree", "-- kustomization.yaml --\nresources: " +
			"[\"https://example.com/org/base?ref=" + pin + "\"]\n" + secretFile,
			"-- kustomization.yaml --\nresources: [../secret.yaml]\n", "leads out of the tree"},
		{"a base whose plugin reads its user's tree", "-- kustomization.yaml --\nresources: " +
			"[\"https://example.com/org/base?ref=" + pin + "\"]\n" + secretFile,
			"-- kustomization.yaml --\ngenerators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  " +
				"metadata: {name: a}\n  files: [../secret.yaml]\n", "leads out of the tree"},
		{"a user that reads a base's file",
			"-- kustomization.yaml --\nresources: [\"https://example.com/org/base?ref=" + pin +
				"\", \"@example.com+org+base@" + pin + "/a.yaml\"]\n",
			"-- kustomization.yaml --\nresources: [a.yaml]\n-- a.yaml --\n" + fmt.Sprintf(configMap, "a"),
			"leads out of the tree"},
	} {
		t.Run(story.name, func(t *testing.T) {
			e := &elsewhere{trees: map[string]fs.FS{}}
			if story.base != "" {
				e.trees["https://example.com/org/base "+pin] = rendertest.Tree(t, story.base)
			}
			_, err := render.Build(t.Context(), rendertest.Tree(t, story.files), ".", render.Options{Base: e.open})
			if err == nil || !strings.Contains(err.Error(), story.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error is %v, want one with %q", err, story.want)
			}
		})
	}
}

// A repository that does not answer is not the commit's fault.
func TestRemoteBaseThatCannotBeFetched(t *testing.T) {
	files := rendertest.Tree(t, "-- kustomization.yaml --\nresources: [\"https://example.com/org/base?ref="+pin+"\"]\n")
	_, err := render.Build(t.Context(), files, ".", render.Options{Base: (&elsewhere{}).open})
	var unread *render.TreeError
	if !errors.As(err, &unread) || !strings.Contains(err.Error(), "no such repository") {
		t.Errorf("the error is %v, want a TreeError", err)
	}
}
