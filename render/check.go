package render

import (
	"fmt"
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/daemongate/daemongate/render/grouped"
	"github.com/daemongate/daemongate/render/yamlfile"
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
	objects []resid.ResId  // that it adds to a render
	repeats int64          // bytes that its aliases repeat
	lists   *kustomization // if it is a kustomization file

	documents []grouped.Document // of a file of objects
}

// check looks into a file before kustomize does, under the name and in the roles that it is read by.
func (r *reader) check(named string, content []byte) (checked, error) {
	as := r.roles[named]
	if done, ok := r.checked[named]; ok && done.as == as {
		return done, nil
	}
	if r.checking[named] {
		return checked{}, fmt.Errorf("%s: is in a circle: it is listed among its own generators, transformers or "+
			"validators", named)
	}
	r.checking[named] = true
	defer delete(r.checking, named)
	c, left := checked{content: content}, r.aliases.Left
	var err error
	if isKustomization(named) {
		err = r.kustomization(named, &c)
	} else {
		err = r.checkFile(named, as, &c)
	}
	if err != nil {
		return checked{}, fmt.Errorf("%s: %w", named, err)
	}
	c.as, c.repeats = r.roles[named], left-r.aliases.Left
	r.checked[named] = c
	return c, nil
}

func isKustomization(named string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(named))
}

// checkFile is strict with what is known to be YAML. Anything else may be anything, but is weighed: kustomize might
// parse it all the same.
func (r *reader) checkFile(named string, as role, c *checked) error {
	known := as&^(asData|asSecret) != 0
	if !known && !yamlfile.MayHoldAliases(c.content) {
		return nil
	}
	docs, err := yamlfile.Parse(c.content)
	if err != nil && known {
		return fmt.Errorf("is no YAML: %w", err)
	}
	for i, doc := range docs {
		if err := r.aliases.Weigh(doc); err != nil {
			return err
		}
		if as&asObjects != 0 {
			c.documents = append(c.documents, grouped.Read(doc))
		}
		if !known || doc.Node == nil {
			continue
		}
		if err := doc.Strict(); err != nil {
			return err
		}
		doc.Dates(doc.Node, func(line int, value string) {
			r.warn(fmt.Sprintf("%s: line %d: %s is a time to YAML and may be written as one: quote it if it is text",
				named, line, value))
		})
		if as&asObjects == 0 {
			continue
		}
		if c.objects, err = r.index.declare(c.objects, place{named, i + 1, doc}, doc.Node); err != nil {
			return err
		}
	}
	return nil
}
