package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/render/grouped"
	"github.com/daemongate/daemongate/render/yamlfile"
)

// reader is the tree as one render sees it: bounded, checked before kustomize sees it, and with a memory of what was
// asked for. One goroutine uses it.
type reader struct {
	paths
	limit Options

	files     map[string][]byte     // by the path that links lead to
	roles     map[string]role       // by the path that a kustomization file names
	checked   map[string]checked    // by that path too
	checking  map[string]bool       // right now
	localized map[string]bool       // the folders of remote bases
	sorted    map[string]bool       // kustomization files with sortOptions
	pluginUse map[string]*pluginUse // what a folder's kustomization configures plugins with
	used      usage                 // by kustomize, or by the survey before it
	index     index                 // what the files of objects declare
	labels    labels                // what became of commonLabels
	top       string                // the kustomization file of the folder that is rendered, if it has one
	aliases   *yamlfile.Aliases
	groups    grouped.Sizes // in which a large folder is rendered
	total     int64
	docs      int
}

func newReader(ctx context.Context, tree fs.FS, o Options, groups grouped.Sizes) *reader {
	return &reader{
		paths: paths{ctx: ctx, tree: &multiTree{FS: tree, bases: map[string]fs.FS{}}, plain: map[string]bool{},
			ends: map[string]end{}, asked: map[string]struct{}{}},
		limit: o,
		files: map[string][]byte{}, roles: map[string]role{}, checked: map[string]checked{},
		checking: map[string]bool{}, localized: map[string]bool{}, sorted: map[string]bool{}, index: index{},
		pluginUse: map[string]*pluginUse{},
		aliases:   o.aliases(), groups: groups,
	}
}

// seen is what was asked for, sorted, and what there is to warn of.
func (r *paths) seen() (read, warnings []string) {
	return slices.Sorted(maps.Keys(r.asked)), slices.Clone(r.warnings)
}

// note remembers what was asked for. What is in another repository is pinned, and the same whenever its name is.
func (r *paths) note(rel string) {
	if r.tree.inBase(rel) {
		return
	}
	r.asked[rel] = struct{}{}
}

func (r *paths) warn(text string) {
	if !slices.Contains(r.warnings, text) {
		r.warnings = append(r.warnings, text)
	}
}

// refuse keeps the first reason there is not to render, and returns it.
func (r *paths) refuse(err error) error {
	if r.refused == nil {
		r.refused = err
	}
	return err
}

func (r *paths) reason() error {
	return r.refused
}

// forgetChecks has everything checked anew, but nothing read anew.
func (r *reader) forgetChecks() {
	r.refused = nil
	r.checked, r.pluginUse = map[string]checked{}, map[string]*pluginUse{}
	r.aliases.Left = r.limit.TotalSize
}

// read returns a file's content after it was checked for what its role allows.
func (r *reader) read(name string) ([]byte, error) {
	c, err := r.look(name)
	return bytes.Clone(c.content), err
}

// look returns a file as it was checked for what its role allows.
func (r *reader) look(name string) (checked, error) {
	rel, isDir, err := r.find(name)
	if err != nil {
		return checked{}, err
	}
	if isDir {
		return checked{}, &fs.PathError{Op: "read", Path: rel, Err: errors.New("is a folder")}
	}
	content, known := r.files[rel]
	if !known {
		if content, err = r.load(rel); err != nil {
			return checked{}, r.refuse(err)
		}
		r.files[rel] = content
	}
	named, _ := outside(name)
	c, err := r.check(named, content)
	if err != nil {
		return checked{}, r.refuse(err)
	}
	return c, nil
}

// load reads a file that exists, within the limits.
func (r *reader) load(rel string) ([]byte, error) {
	file, err := r.tree.Open(rel)
	if err != nil {
		return nil, unread(rel, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, r.limit.FileSize+1))
	if err != nil {
		return nil, unread(rel, err)
	}
	if int64(len(content)) > r.limit.FileSize {
		return nil, fmt.Errorf("%s: is larger than %d bytes: split it up or raise the limit", rel, r.limit.FileSize)
	}
	if r.total += int64(len(content)); r.total > r.limit.TotalSize {
		return nil, fmt.Errorf("%s: with it more than %d bytes are read: render fewer files or raise the limit", rel,
			r.limit.TotalSize)
	}
	if r.docs += 1 + bytes.Count(content, []byte("\n---")); r.docs > r.limit.Objects {
		return nil, fmt.Errorf("%s: with it more than %d YAML documents are read: render fewer objects or raise the "+
			"limit", rel, r.limit.Objects)
	}
	if strings.HasPrefix(string(content[:min(len(content), len(lfs))]), lfs) {
		return nil, fmt.Errorf("%s: is a Git LFS pointer, and LFS files are not fetched: commit the file itself", rel)
	}
	return content, nil
}

const lfs = "version https://git-lfs.github.com/spec/"
