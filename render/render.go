// Package render turns a commit's tree into the objects it asks for: with kustomize, in memory, off the network.
package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/render/grouped"
	"github.com/daemongate/daemongate/render/yamlfile"
)

// Options bound what one render may cost. A zero is the default; there is no "unlimited".
type Options struct {
	// FileSize is the bytes of one file, and what the aliases of one document may repeat; default 4 MiB.
	FileSize int64
	// TotalSize is the bytes of all files, each counted as often as it is used; what all aliases may repeat; what may
	// be put into objects, counted in each; what may be copied from one to the other; half of what these may come to;
	// default 64 MiB.
	TotalSize int64
	// Objects are the YAML documents that are read, and the objects, each counted as often as its file is used; default
	// 10,000.
	Objects int
	// Namespace, if set, takes the place of the namespace field of the folder's own kustomization file: every object is
	// moved there, and with them what names them, as far as kustomize follows. What it does not is warned of.
	Namespace string
	// Base opens the tree of a commit of another repository. It is called for remote bases, which must be pinned to a
	// commit; nil refuses them all. Its error is not taken for the commit's fault.
	Base func(ctx context.Context, url, commit string) (fs.FS, error)
	// Remembered keeps what groups of objects rendered to, so that only those are rendered in which something changed;
	// nil remembers nothing.
	Remembered grouped.Memory
}

// WithDefaults has a figure for each.
func (o Options) WithDefaults() Options {
	if o.FileSize <= 0 {
		o.FileSize = 4 << 20
	}
	if o.TotalSize <= 0 {
		o.TotalSize = 64 << 20
	}
	if o.Objects <= 0 {
		o.Objects = 10_000
	}
	return o
}

// aliases is what aliases may repeat.
func (o Options) aliases() *yamlfile.Aliases {
	return &yamlfile.Aliases{Document: o.FileSize, Left: o.TotalSize}
}

// MostWritten is how many bytes all objects of a render may come to as JSON.
func (o Options) MostWritten() int64 { return mostGrowth * o.WithDefaults().TotalSize }

// Result is what a folder of a tree renders to.
type Result struct {
	// Objects in kustomize's order: the depth-first order of the resources. Numbers are int64 or float64.
	Objects []*unstructured.Unstructured
	// Read is every path that was read, or looked for and missed, sorted, slash-separated and relative to the tree's
	// root. A folder among them was listed with all that is below it, or was missing. A tree in which each of them is
	// what it was (the same content, or still missing) renders to the same result, also when that is an error.
	// Links are in it beside what they point at.
	Read []string
	// Warnings are what a person should know and kustomize would have printed, or kept to itself.
	Warnings []string
	// Dropped are those of the warnings that tell what kustomize lost without a word: values of patches that are not in
	// the objects, and references to names that objects had before.
	Dropped []string
}

// Strict is an error if kustomize dropped something without a word.
func (r Result) Strict() error {
	if len(r.Dropped) == 0 {
		return nil
	}
	return fmt.Errorf("strict: %s", strings.Join(r.Dropped, "; "))
}

// TreeError says that the tree could not be read: that is the fault of where it comes from and not of the commit.
type TreeError struct {
	Path string
	Err  error
}

func (e *TreeError) Error() string { return fmt.Sprintf("%s: read from the tree: %v", e.Path, e.Err) }

// Unwrap gives the file system's own error.
func (e *TreeError) Unwrap() error { return e.Err }

// unread says of a path that it could not be read. A file system that calls what is there invalid, such as a pointer to
// what is elsewhere, speaks of the commit: reading it again would not help.
func unread(path string, err error) error {
	if errors.Is(err, fs.ErrInvalid) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return &TreeError{Path: path, Err: err}
}

// Build renders one folder of the tree. It writes nothing and calls nobody but Options.Base: plugins that execute
// something and helm are refused, as is every path or link that leads out of the tree, and every remote base unless
// there is an Options.Base and it is pinned to a commit. Files elsewhere in the tree may be named (kustomize's own
// default would keep a kustomization to its folder). Many objects are rendered in groups where nobody can tell
// (package grouped).
//
// A folder without a kustomization file is rendered as Flux does it: as if it had one that lists all its *.yaml and
// *.yml files, those of its subfolders included, in the order of their paths; a subfolder with a kustomization file is
// a base, and what begins with a dot is passed over.
//
// Result.Read and Result.Warnings are there with an error too. The error names file and line where there is one. It is
// a *TreeError if the tree could not be read, and wraps ctx's error. kustomize itself cannot be interrupted: once ctx
// ends, Build returns at its next read of a file, or when kustomize is done with what it has. Nor can it be told how
// much memory to take. Package child has it do so in a process that can be ended.
func Build(ctx context.Context, tree fs.FS, dir string, o Options) (Result, error) {
	return build(ctx, tree, dir, o, grouped.Usual)
}

func build(ctx context.Context, tree fs.FS, dir string, o Options, groups grouped.Sizes) (Result, error) {
	folder, err := folderPath(dir)
	if err != nil {
		return Result{}, err
	}
	r := newReader(ctx, tree, o.WithDefaults(), groups)
	out := run(r, folder)
	result := Result{Objects: out.objects, Dropped: out.dropped}
	result.Read, result.Warnings = r.seen()
	result.Warnings = append(result.Warnings, out.dropped...)
	return result, out.err
}

// folderPath is dir as io/fs writes paths: "" and "/" are the root of the tree, "./apps/" is "apps".
func folderPath(dir string) (string, error) {
	clean := path.Clean(strings.TrimLeft(dir, "/"))
	if clean == "" || clean == "/" {
		clean = "."
	}
	if !fs.ValidPath(clean) {
		return "", fmt.Errorf("%s: leads out of the tree: give a folder below its root", dir)
	}
	return clean, nil
}
