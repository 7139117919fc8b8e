package render

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	sigsyaml "sigs.k8s.io/yaml"
)

// learn takes in the keys of a file, as often as it is used.
func (s *survey) learn(named string, c checked) {
	if s.growth == nil {
		return
	}
	if s.keys[named] == nil {
		s.keys[named] = newKeys()
		if c.as == asData || c.as == asData|asSecret { // it stands under a key of its own
			s.keys[named].refer(c.content)
		} else {
			s.keys[named] = keysOf(c.content)
		}
	}
	s.growth.files.merge(s.keys[named], 1)
}

// learnData takes in what a generator puts into the data of an object.
func (s *survey) learnData(d datum, content []byte) {
	if s.growth == nil {
		return
	}
	if d.env {
		for line := range bytes.Lines(content) {
			s.growth.files.variable(string(line))
		}
	} else {
		s.growth.files.longer(d.key, int64(len(content)))
	}
	s.growth.generated += 2 * int64(len(content)) // with that of Secrets in base64
}

// spread follows what a kustomization copies from object to object, in kustomize's order.
func (s *survey) spread(named string, k *kustomization, objects []resid.ResId) error {
	s.spreads = s.spreads || k.spreads() || len(s.plugged[k.dir].texts) > 0 || s.each(k) > muchForEach
	if s.growth == nil { // it is only now known that it is needed
		return nil
	}
	s.growth.affixes += int64(len(k.NamePrefix) + len(k.NameSuffix))
	s.growth.vars = append(s.growth.vars, k.Vars...)
	for name, n := range s.keys[named].references { // in labels and whatever else it puts into each
		s.growth.files.references[name] += n * int64(len(objects))
	}
	for _, p := range s.patches(k, objects) {
		s.growth.patch(keysOf(p.text), p)
	}
	if err := s.fields(named, k); err != nil {
		return err
	}
	for _, field := range append(s.plugged[k.dir].replacements, k.Replacements...) {
		for _, r := range s.replacements(k.dir, field) {
			if err := s.replace(named, r, objects); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *kustomization) spreads() bool {
	fields := len(k.Configurations)
	for _, label := range k.Labels {
		fields += len(label.FieldSpecs)
	}
	return len(k.Replacements)+len(k.Vars)+fields > 0
}

// muchForEach is more text, in bytes, than labels and annotations that are put into every object usually have.
const muchForEach = 4 << 10

// listed are the lists in whose elements kustomize itself puts labels (api/internal/konfig/builtinpluginconsts).
var listed = []trail{
	{keys: []string{"volumeClaimTemplates"}}, {keys: []string{"topologySpreadConstraints"}},
	{keys: []string{"preferredDuringSchedulingIgnoredDuringExecution"}}, {keys: []string{"requiredDuringSchedulingIgnoredDuringExecution"}},
}

// fields counts what a kustomization puts into elements of lists, and into fields that it, or one below it, names beside
// those that kustomize knows: there may be one in every element of a list, too.
func (s *survey) fields(named string, k *kustomization) error {
	s.specs = append(s.specs, s.keys[named].fields...)
	for _, file := range k.Configurations {
		if known := s.keys[path.Join(k.dir, file)]; known != nil { // else there is no such file
			s.specs = append(s.specs, known.fields...)
		}
	}
	for _, text := range s.plugged[k.dir].texts {
		s.specs = append(s.specs, keysOf(text).fields...)
	}
	var places int64
	for _, spec := range append(listed, s.specs...) {
		places += s.growth.widest(spec)
	}
	return s.copy(named, s.each(k), places)
}

// replacements are those of an entry: its own, or those of the file that it names. What fits no type kustomize refuses.
func (s *survey) replacements(dir string, field types.ReplacementField) (all []types.Replacement) {
	if field.Path == "" {
		return []types.Replacement{field.Replacement}
	}
	c, err := s.look(inside(path.Join(dir, field.Path)))
	if err != nil || sigsyaml.Unmarshal(c.content, &all) == nil {
		return all
	}
	var one types.Replacement
	_ = sigsyaml.Unmarshal(c.content, &one)
	return []types.Replacement{one}
}

func (s *survey) replace(named string, r types.Replacement, objects []resid.ResId) error {
	if err := s.late(named); err != nil {
		return err
	}
	for _, target := range r.Targets {
		if target == nil || target.Select == nil {
			continue
		}
		s.growth.replace(sourceOf(r), target, targets(target.Select, objects))
		if s.growth.copied > s.limit.TotalSize {
			return s.refuse(fmt.Errorf("%s: with its replacement from %s, the values that replacements copy can come to more than %d bytes: "+
				"let them copy shorter ones into fewer places, and not what another one has put together, or raise render.maxTotalSize", named, origin(r), s.limit.TotalSize))
		}
	}
	return nil
}

// origin says where a replacement copies from.
func origin(r types.Replacement) string {
	if r.Source == nil {
		return "a value of its own"
	}
	return strings.Join(strings.Fields(r.Source.Kind+" "+r.Source.Name+" "+r.Source.FieldPath), " ")
}

// expand refuses references to vars whose values would come to too much.
func (s *survey) expand(folder string) error {
	size, longest := s.growth.expanded()
	if s.growth.copied+size <= s.limit.TotalSize {
		return nil
	}
	return s.refuse(fmt.Errorf("%s: with the values of its vars in the places of all references to them, it can come to more than %d bytes, most of them of the var %s: "+
		"refer to shorter values in fewer places, or raise render.maxTotalSize", folder, s.limit.TotalSize, longest.Name))
}

// affix refuses names that the prefixes and suffixes of kustomizations on the way to an object make too long.
func (s *survey) affix(named string, k *kustomization) error {
	if s.affixes += len(k.NamePrefix) + len(k.NameSuffix) + s.plugged[k.dir].affixes; s.affixes <= longestName {
		return nil
	}
	return s.refuse(fmt.Errorf("%s: with its prefix and suffix, and those of what lists it, names get longer by more than the %d characters that a name may have: shorten them", named, longestName))
}
