package render

import (
	"fmt"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/daemongate/daemongate/render/dropped"
	"github.com/daemongate/daemongate/render/grouped"
	"github.com/daemongate/daemongate/render/schema"
)

// outcome is what one run of kustomize came to.
type outcome struct {
	objects []*unstructured.Unstructured
	dropped []string // by kustomize, without a word
	err     error
}

// mostCopied is what the copies of one JSON patch may add to an object, in bytes. The API server takes no object that
// is much larger.
const mostCopied = 128 << 10

func init() {
	jsonpatch.AccumulatedCopySizeLimit = mostCopied // for the whole process: nothing else in it copies by JSON patches
}

// run renders the folder.
func run(r *reader, folder string) outcome {
	out := attempt(r, folder)
	if r.labels.renamed && r.labels.custom { // which is known only now
		r.forgetChecks()
		r.labels.keep = true
		out = attempt(r, folder)
	}
	return out
}

// attempt has kustomize render the folder. It panics on some plain inputs (annotations that are a list, a patch that
// takes the name away), hence the recover. A reason that the reader kept outranks what kustomize says: it swallows
// errors of reading, and goes on after some of them.
func attempt(r *reader, folder string) (out outcome) {
	defer func() {
		if p := recover(); p != nil {
			out = outcome{err: r.gaveUp(folder, p)}
		}
	}()
	schema.Use()
	own, err := r.open(folder)
	if err != nil {
		return outcome{err: err}
	}
	if err := r.survey(folder); err != nil {
		return outcome{err: err}
	}
	objects, ok := inGroups(r, folder)
	if !ok {
		if objects, err = whole(r, folder, own); err != nil {
			return outcome{err: err}
		}
	}
	return outcome{objects: objects, dropped: dropped.Find(done{r}, folder, objects)}
}

// inGroups has kustomize render the folder in groups of objects. It is not ok if it has to be rendered as a whole,
// which then says what is wrong.
func inGroups(r *reader, folder string) ([]*unstructured.Unstructured, bool) {
	sizes := r.groups
	sizes.Written = r.limit.MostWritten()
	all, ok := grouped.Render(r.ctx, done{r}, folder, sizes, r.limit.Remembered)
	if !ok || r.reason() != nil {
		return nil, false
	}
	objects, err := r.objects(written{len(all), func(i int) ([]byte, error) { return all[i], nil }})
	return objects, err == nil
}

// whole has kustomize render the folder at once.
func whole(r *reader, folder, own string) ([]*unstructured.Unstructured, error) {
	o := krusty.MakeDefaultOptions()                // no plugins, no helm
	o.LoadRestrictions = types.LoadRestrictionsNone // the reader restricts to the tree
	if r.sorted[own] {
		o.Reorder = krusty.ReorderOptionUnspecified // else it prints that the file is taken over an option
	}
	resources, err := krusty.MakeKustomizer(o).Run(fileSystem{reader: r}, inside(folder))
	if err != nil {
		return nil, r.explain(folder, err)
	}
	if reason := r.reason(); reason != nil {
		return nil, reason
	}
	if err := managedBy(r.checked[own].lists, resources); err != nil {
		return nil, fmt.Errorf("%s: %w", own, err)
	}
	objects, err := r.objects(wholly(resources.Resources()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return objects, nil
}

// gaveUp words a panic of kustomize's.
func (r *reader) gaveUp(folder string, panicked any) error {
	err := fmt.Errorf("kustomize gave up on it (panic: %v): look for a value of the wrong kind, such as a list where "+
		"a map belongs or a null, and for a patch that removes a name", panicked)
	if r.reason() == nil {
		folder = first(r.culprit(folder), folder)
	}
	return r.explain(folder, err)
}
