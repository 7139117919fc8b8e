// Package diff writes what an apply would change, as kubectl diff does.
package diff

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/fields"
	"github.com/daemongate/daemongate/sync/english"
)

// Changes are what an apply would change, and the prune after it.
type Changes struct {
	Merged []manifests.Merged
	Prunes []*unstructured.Unstructured
	Kept   []manifests.Kept
}

// Result is the text of changes, with notes for people.
type Result struct {
	Text  string // a unified diff per object
	Notes []string
}

// Differs reports whether anything would change.
func (r Result) Differs() bool { return r.Text != "" }

// New compares. Of what the API server keeps itself nothing is shown: it differs at every look.
func New(changes Changes) (Result, error) {
	var r Result
	var created, changed int
	var text strings.Builder
	for _, m := range changes.Merged {
		one, err := Between(m.Live, m.Want, "LIVE", "MERGED")
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", m.Object, err)
		}
		text.WriteString(one)
		switch {
		case m.Live == nil:
			created++
		case one != "":
			changed++
		}
		r.Notes = append(r.Notes, notesOf(m)...)
	}
	for _, o := range changes.Prunes {
		one, err := Between(o, nil, "LIVE", "MERGED")
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", manifests.IDOf(o), err)
		}
		text.WriteString(one)
		r.Notes = append(r.Notes, fmt.Sprintf("%s: would be pruned, once the rest has rolled out", manifests.IDOf(o)))
	}
	for _, k := range changes.Kept {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: is not asked for any more, and would be kept: %s", k.ID, k.Reason))
	}
	r.Text = text.String()
	r.Notes = append(r.Notes, fmt.Sprintf("%s would be created, %d changed, %d pruned",
		english.Count(created, "object"), changed, len(changes.Prunes)))
	return r, nil
}

// notesOf say what the texts of an object do not.
func notesOf(m manifests.Merged) (notes []string) {
	if m.Unasked {
		notes = append(notes, fmt.Sprintf("%s: is shown as the commit has it: the API server can be asked about it "+
			"only when what the commit brings beside it is there", m.Object))
	}
	if m.Conflict != nil {
		for _, line := range strings.Split(m.Conflict.Error(), "\n") {
			notes = append(notes, "conflict: "+line)
		}
	}
	return notes
}

// Between is the unified diff between two states of an object, of which either may be nil, with what they are
// called. It is empty if they are alike.
func Between(live, want *unstructured.Unstructured, from, to string) (string, error) {
	before, err := asYAML(live)
	if err != nil {
		return "", err
	}
	after, err := asYAML(want)
	if err != nil || before == after {
		return "", err
	}
	file := fileOf(cmp.Or(want, live))
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: lines(before), B: lines(after),
		FromFile: from + "/" + file, ToFile: to + "/" + file, Context: 3})
	return fmt.Sprintf("diff -u -N %s/%s %s/%s\n%s", from, file, to, file, text), err
}

func asYAML(o *unstructured.Unstructured) (string, error) {
	if o == nil {
		return "", nil
	}
	text, err := yaml.Marshal(fields.Asked(o))
	return string(text), err
}

// lines are those of a text that ends with one, each with its end.
func lines(text string) []string {
	all := strings.SplitAfter(text, "\n")
	return all[:len(all)-1]
}

// fileOf names an object as kubectl diff names its files.
func fileOf(o *unstructured.Unstructured) string {
	gvk := o.GroupVersionKind()
	var parts []string
	for _, part := range []string{gvk.Group, gvk.Version, gvk.Kind, o.GetNamespace(), o.GetName()} {
		if part != "" {
			parts = append(parts, strings.ReplaceAll(part, "/", "_"))
		}
	}
	return strings.Join(parts, ".")
}

// Object is what two commits make differ of an object.
type Object struct {
	ID   manifests.ID
	Text string // a unified diff
}

// Sets compares what two commits ask for: the objects of the later one in the order in which they are written, and then
// those that only the earlier one has. A Secret's values are not in it.
func Sets(before, after manifests.Set) ([]Object, error) {
	was := make(map[manifests.ID]*unstructured.Unstructured, before.Len())
	for _, o := range before.Objects() {
		was[manifests.IDOf(o)] = o
	}
	var all []Object
	add := func(id manifests.ID, before, after *unstructured.Unstructured) error {
		before, after = manifests.Withheld(before, after)
		text, err := Between(before, after, "BEFORE", "COMMIT")
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		if text != "" {
			all = append(all, Object{id, text})
		}
		return nil
	}
	for _, o := range after.Objects() {
		id := manifests.IDOf(o)
		if err := add(id, was[id], o); err != nil {
			return nil, err
		}
		delete(was, id)
	}
	for _, id := range before.IDs() {
		if o := was[id]; o != nil {
			if err := add(id, o, nil); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
