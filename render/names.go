package render

import "fmt"

// longestImage is how many characters a name, tag or digest of an image may have; registries take no more than 255
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests). kustomize writes it into
// every container.
const longestImage = 512

func (k kustomization) longImages() error {
	for _, image := range k.Images {
		for _, part := range []string{image.NewName, image.NewTag, image.TagSuffix, image.Digest} {
			if len(part) > longestImage {
				line, field := k.where("images", part)
				return fmt.Errorf("line %d: %s: %s…: is refused: no part of an image's name is longer than %d "+
					"characters", line, field, part[:40], longestImage)
			}
		}
	}
	return nil
}

// longestName is how many characters a name or namespace may have (DNS subdomain names,
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names). kustomize writes it
// into every reference to an object as well.
const longestName = 253

func (k kustomization) longNames() error {
	for _, part := range [][2]string{
		{"namePrefix", k.NamePrefix}, {"nameSuffix", k.NameSuffix}, {"namespace", k.Namespace},
	} {
		if value := part[1]; len(value) > longestName {
			line, field := k.where(part[0], value)
			return fmt.Errorf("line %d: %s: %s…: is refused: no name is longer than %d characters", line, field,
				value[:40], longestName)
		}
	}
	return nil
}

// affix refuses names that the prefixes and suffixes of kustomizations on the way to an object make too long.
func (s *survey) affix(named string, k *kustomization) error {
	if s.affixes += len(k.NamePrefix) + len(k.NameSuffix) + s.pluginUse[k.dir].affixes; s.affixes <= longestName {
		return nil
	}
	return s.refuse(fmt.Errorf("%s: with its prefix and suffix, and those of what lists it, names get longer by more "+
		"than the %d characters that a name may have: shorten them", named, longestName))
}
