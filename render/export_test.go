package render

import (
	"context"
	"io/fs"

	"github.com/daemongate/daemongate/render/grouped"
)

// BuildIn is Build with groups of other sizes.
func BuildIn(tree fs.FS, dir string, groups grouped.Sizes, m grouped.Memory) (Result, error) {
	return build(context.Background(), tree, dir, Options{Remembered: m}, groups)
}

// InGroups reports whether a folder is rendered in groups of these sizes.
func InGroups(tree fs.FS, dir string, groups grouped.Sizes) bool {
	r := newReader(context.Background(), tree, Options{}.WithDefaults(), groups)
	if _, err := r.open(dir); err != nil || r.survey(dir) != nil {
		return false
	}
	_, ok := inGroups(r, dir)
	return ok
}
