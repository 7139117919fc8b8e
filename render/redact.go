package render

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/daemongate/daemongate/render/yamlfile"
)

const shortestSecret = 4 // bytes; shorter ones would blacken half of a text

// redact takes out of a text whatever a Secret of the files that were read holds: errors are shown in many places.
func (r *reader) redact(text string) string {
	secrets := map[string]struct{}{}
	add := func(value string) {
		for _, line := range append(strings.Split(value, "\n"), value) {
			for _, shown := range forms(line) {
				secrets[shown] = struct{}{}
			}
		}
	}
	for named, c := range r.checked {
		if r.roles[named]&asSecret != 0 {
			add(string(c.content)) // all of it is a value, or each line
			for line := range strings.Lines(string(c.content)) {
				add(afterKey(line))
			}
			continue
		}
		docs, err := yamlfile.Parse(c.content)
		if err != nil {
			continue
		}
		for _, doc := range docs {
			if isKustomization(named) {
				generatedSecrets(doc.Node, add)
			}
			secretValues(doc.Node, add)
		}
	}
	longestFirst := make([]string, 0, len(secrets))
	for s := range secrets {
		longestFirst = append(longestFirst, s)
	}
	slices.SortFunc(longestFirst, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	for _, s := range longestFirst {
		text = strings.ReplaceAll(text, s, "…")
	}
	return text
}

// forms are how a value of a Secret can stand in a text: as it is, in base64, as kustomize writes what it generates,
// and quoted.
func forms(value string) (all []string) {
	trimmed := strings.TrimSpace(value)
	if len(trimmed) < shortestSecret {
		return nil
	}
	quoted := strconv.Quote(trimmed)
	all = append(all, trimmed, quoted[1:len(quoted)-1], base64.StdEncoding.EncodeToString([]byte(trimmed)))
	if value != trimmed {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	return all
}

// secretValues are the values of Secrets and of patches of Secrets, at any depth, plain and decoded.
func secretValues(n *yaml.Node, add func(string)) {
	if n == nil {
		return
	}
	if yamlfile.Text(n, "kind") == "Secret" {
		scalars(yamlfile.Field(n, "stringData"), add)
		scalars(yamlfile.Field(n, "data"), func(value string) {
			add(value)
			if plain, err := base64.StdEncoding.DecodeString(value); err == nil {
				add(string(plain))
			}
		})
	}
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "Secret") { // an inline patch
		docs, _ := yamlfile.Parse([]byte(n.Value))
		for _, doc := range docs {
			if doc.Node != nil && doc.Node.Kind != yaml.ScalarNode {
				secretValues(doc.Node, add)
			}
		}
	}
	for _, c := range n.Content {
		secretValues(c, add)
	}
}

// generatedSecrets are the literals of secret generators.
func generatedSecrets(kustomization *yaml.Node, add func(string)) {
	generators := yamlfile.Field(kustomization, "secretGenerator")
	if generators == nil {
		return
	}
	for _, generator := range generators.Content {
		scalars(yamlfile.Field(generator, "literals"), func(literal string) { add(afterKey(literal)) })
	}
}

func scalars(n *yaml.Node, add func(string)) {
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode {
		add(n.Value)
	}
	for _, c := range n.Content {
		scalars(c, add)
	}
}
