package render

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

// kustomization is one kustomization file.
type kustomization struct {
	types.Kustomization
	dir   string // of the tree
	moved bool   // its namespace is another than it says
	doc   yamlfile.Document
}

// kustomization checks a kustomization file, gives the files that it names their roles, and takes out the deprecated
// fields that have an exact replacement: kustomize would print a line to the standard error for each.
func (r *reader) kustomization(named string, c *checked) error {
	k, err := parseKustomization(path.Dir(named), c.content, r.aliases)
	if err != nil {
		return err
	}
	if err := r.aliases.WeighTexts(k.doc, k.doc.Node); err != nil {
		return err
	}
	r.pluginUse[k.dir] = &pluginUse{}
	r.sorted[named] = k.SortOptions != nil
	for _, warning := range *k.CheckDeprecatedFields() {
		r.warn(named + ": " + deprecation(warning))
	}
	deprecated := k.Bases != nil || k.ImageTags != nil
	k.FixKustomization() // renames old fields, as kustomize will
	r.move(named, &k)
	r.labels.custom = r.labels.custom || len(k.Configurations)+len(k.Crds)+len(k.BuildMetadata) > 0
	if err := k.refused(); err != nil {
		return err
	}
	remote, err := r.resolve(&k)
	if err != nil {
		return err
	}
	c.lists = &kustomization{Kustomization: k.Kustomization, dir: k.dir} // its nodes need not be kept
	c.objects = append(k.generated(), r.pluginUse[k.dir].objects...)
	if r.roles[named]&asData != 0 {
		if remote {
			return errors.New("names remote bases and is a generator's data as well: split it in two")
		}
		return nil
	}
	if len(k.CommonLabels) > 0 && !r.labels.keep {
		k.Labels = append(k.Labels, types.Label{Pairs: k.CommonLabels, IncludeSelectors: true})
		k.CommonLabels = nil
		deprecated, r.labels.renamed = true, true
	}
	if deprecated || remote {
		c.content, err = k.forKustomize(c.content, remote)
	}
	if err != nil {
		return err
	}
	return k.moveTo(c)
}

// resolve has remote bases opened, and checks everything that the file names.
func (r *reader) resolve(k *kustomization) (remote bool, err error) {
	if remote, err = r.localizeBases(k); err != nil {
		return remote, err
	}
	for _, ref := range k.references() {
		if err := r.reference(*k, ref); err != nil {
			return remote, err
		}
	}
	return remote, nil
}

// forKustomize is the file as kustomize is to read it; one that names remote bases can only be read so.
func (k kustomization) forKustomize(content []byte, remote bool) ([]byte, error) {
	rewritten, same := k.rewritten()
	switch {
	case same:
		return rewritten, nil
	case remote:
		return nil, errors.New("names remote bases, and some other field of it cannot be written as kustomize read " +
			"it: put the remote bases into a kustomization file of their own")
	}
	return content, nil
}

// labels is how commonLabels are treated: as the labels that they are, unless a file of the same render configures
// kustomize's transformers, for which it is not quite the same.
type labels struct{ renamed, custom, keep bool }

func parseKustomization(dir string, content []byte, aliases *yamlfile.Aliases) (kustomization, error) {
	k := kustomization{dir: dir}
	docs, err := yamlfile.Parse(content)
	if err != nil {
		return k, fmt.Errorf("is no YAML: %w", err)
	}
	for _, doc := range docs {
		switch {
		case doc.Node == nil:
		case k.doc.Node != nil || doc.First != docs[0].First:
			return k, fmt.Errorf("line %d: a second document would be left out: a kustomization file is one document",
				doc.Line(doc.Node))
		default:
			k.doc = doc
		}
	}
	if k.doc.Node == nil {
		return k, errors.New("is empty: list at least one of resources")
	}
	if err := errors.Join(aliases.Weigh(k.doc), k.doc.Strict()); err != nil {
		return k, err
	}
	if err := k.Unmarshal(content); err != nil {
		return k, k.mistyped(err)
	}
	return k, nil
}

var (
	unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)
	wrongType    = regexp.MustCompile(`cannot unmarshal (\w+) into Go struct field (?:\w+\.)*(\w+) of type (\S+)`)
)

// mistyped words what kustomize says of a file that does not fit its type.
func (k kustomization) mistyped(err error) error {
	text := strings.TrimPrefix(err.Error(), "invalid Kustomization: ")
	if found := unknownField.FindStringSubmatch(text); found != nil {
		return fmt.Errorf("line %d: kustomize knows no field %q: correct or remove it", k.keyLine(found[1]), found[1])
	}
	if found := wrongType.FindStringSubmatch(text); found != nil {
		return fmt.Errorf("line %d: %s: is a %s where kustomize wants a %s", k.keyLine(found[2]), found[2], found[1],
			found[3])
	}
	return errors.New(text)
}

// refused are the fields whose work would leave the tree, or this render.
func (k kustomization) refused() error {
	refuse := func(field, why string) error {
		return fmt.Errorf("line %d: %s: %s", k.keyLine(field), field, why)
	}
	switch {
	case k.OpenAPI != nil:
		return refuse("openapi", "is refused: kustomize would apply it to every other render of the process too; "+
			"remove it, and patch lists of custom resources with JSON patches")
	case len(k.HelmCharts) > 0 || k.HelmGlobals != nil:
		field := "helmCharts"
		for key := range yamlfile.Pairs(k.doc.Node) {
			if strings.HasPrefix(strings.ToLower(key.Value), "helm") {
				field = key.Value
			}
		}
		return refuse(field, "is refused: helm is not run; commit what the chart renders to")
	}
	return errors.Join(k.longImages(), k.longNames())
}

// where is the line of a value and the top-level field that it stands below: the field that is meant, or another one,
// because deprecated fields are looked at under their new names. Without the value it is the field's own line.
func (k kustomization) where(name, value string) (line int, found string) {
	line, found = k.doc.Line(k.doc.Node), name
	for key, below := range yamlfile.Pairs(k.doc.Node) {
		meant := strings.EqualFold(key.Value, name)
		if n := scalar(below, value); value != "" && n != nil {
			line, found = k.doc.Line(n), key.Value
			if meant {
				return line, found
			}
		} else if meant && found == name {
			line = k.doc.Line(key)
		}
	}
	return line, found
}

// scalar is the first scalar that is the value, or a generator's key and the value.
func scalar(n *yaml.Node, value string) *yaml.Node {
	if n.Kind == yaml.ScalarNode && (n.Value == value || afterKey(n.Value) == value) {
		return n
	}
	for _, c := range n.Content {
		if found := scalar(c, value); found != nil {
			return found
		}
	}
	return nil
}

// keyLine is where the first key of that name stands, at any depth; else the first line.
func (k kustomization) keyLine(name string) int {
	if key := deepKey(k.doc.Node, name); key != nil {
		return k.doc.Line(key)
	}
	return k.doc.Line(k.doc.Node)
}

func deepKey(n *yaml.Node, name string) *yaml.Node {
	for key := range yamlfile.Pairs(n) {
		if strings.EqualFold(key.Value, name) {
			return key
		}
	}
	for _, c := range n.Content {
		if found := deepKey(c, name); found != nil {
			return found
		}
	}
	return nil
}

// rewritten is the file as it is now, and whether the way through YAML and back changes nothing.
func (k kustomization) rewritten() (out []byte, same bool) {
	out, err := sigsyaml.Marshal(k.Kustomization)
	if err != nil {
		return nil, false
	}
	var back types.Kustomization
	err = back.Unmarshal(out)
	return out, err == nil && reflect.DeepEqual(back, k.Kustomization)
}

var deprecatedField = regexp.MustCompile(`^# Warning: '(\w+)' is deprecated\. Please use '(\w+)' instead\.`)

func deprecation(warning string) string {
	return deprecatedField.ReplaceAllString(strings.SplitAfter(warning, "instead.")[0], "$1 is deprecated: use $2")
}
