package render

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// role is what a kustomization file names a file for; a file can have several.
type role uint8

const (
	asObjects role = 1 << iota // resources
	asYAML                     // patches, replacements, configurations: YAML that are no objects of their own
	asData                     // of a generator: any bytes at all
	asPlugin                   // what configures a generator, transformer or validator
	asSecret                   // of a generator of Secrets
)

// checked is a file's content as kustomize may see it, in the roles that it was checked for.
type checked struct {
	as      role
	content []byte
}

// check looks into a file before kustomize does, under the name and in the roles that it is read by.
func (r *reader) check(named string, content []byte) ([]byte, error) {
	as := r.roles[named]
	if done, ok := r.checked[named]; ok && done.as == as {
		return done.content, nil
	}
	if r.checking[named] {
		return nil, fmt.Errorf("%s: is in a circle: it is listed among its own generators, transformers or validators", named)
	}
	r.checking[named] = true
	defer delete(r.checking, named)
	var err error
	if isKustomization(named) {
		content, err = r.kustomization(named, content)
	} else {
		err = r.checkFile(named, as, content)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", named, err)
	}
	r.checked[named] = checked{as: r.roles[named], content: content}
	return content, nil
}

func isKustomization(named string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(named))
}

// checkFile is strict with what is known to be YAML. Anything else may be anything, but is weighed: kustomize might
// parse it all the same.
func (r *reader) checkFile(named string, as role, content []byte) error {
	known := as&^(asData|asSecret) != 0
	if !known && !mayHoldAliases(content) {
		return nil
	}
	docs, err := documents(content)
	if err != nil && known {
		return fmt.Errorf("is no YAML: %w", err)
	}
	for i, doc := range docs {
		if err := r.aliases.weigh(doc); err != nil {
			return err
		}
		if !known || doc.node == nil {
			continue
		}
		if err := strict(doc); err != nil {
			return err
		}
		doc.dates(doc.node, func(line int, value string) {
			r.warn(fmt.Sprintf("%s: line %d: %s is a time to YAML and may be written as one: quote it if it is text", named, line, value))
		})
		if as&asObjects == 0 {
			continue
		}
		if err := r.declare(named, i+1, doc, doc.node); err != nil {
			return err
		}
	}
	return nil
}

func mayHoldAliases(content []byte) bool {
	return bytes.IndexByte(content, '&') >= 0 && bytes.IndexByte(content, '*') >= 0
}

// index says where objects are declared, by kustomize's own name for their identity.
type index map[string][]string

// declare notes an object of a file, or those of a list, and refuses what is none.
func (r *reader) declare(named string, number int, doc document, n *yaml.Node) error {
	at := fmt.Sprintf("document %d (line %d)", number, doc.line(n))
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("%s is no object: it must be a map with apiVersion, kind and metadata", at)
	}
	if len(n.Content) == 0 {
		return nil // kustomize passes over {}
	}
	if items := field(n, "items"); items != nil && isList(text(n, "kind")) {
		for _, item := range items.Content {
			if err := r.declare(named, number, doc, item); err != nil {
				return err
			}
		}
		return nil
	}
	for _, want := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}} {
		if text(n, want...) == "" && !merges(n) {
			return fmt.Errorf("%s is no object: it has no %s", at, dotted(want))
		}
	}
	group, version := resid.ParseGroupVersion(text(n, "apiVersion"))
	id := resid.NewResIdWithNamespace(resid.NewGvk(group, version, text(n, "kind")), text(n, "metadata", "name"), text(n, "metadata", "namespace"))
	place := fmt.Sprintf("%s (line %d)", named, doc.line(n))
	if key := id.String(); !slices.Contains(r.index[key], place) {
		r.index[key] = append(r.index[key], place)
	}
	return nil
}

// merges says that fields may come from elsewhere: kustomize writes << out before it looks for them.
func merges(object *yaml.Node) bool {
	return field(object, "<<") != nil || field(field(object, "metadata"), "<<") != nil
}

// isList is kustomize's rule for what it flattens.
func isList(kind string) bool { return strings.HasSuffix(kind, "List") }

func dotted(path []string) string { return strings.Join(path, ".") }
