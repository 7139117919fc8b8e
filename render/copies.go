package render

import (
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// copies counts what a kustomization puts into each of its objects. kustomize holds it once for each of them.
func (s *survey) copies(named string, k *kustomization, objects []resid.ResId) error {
	if err := s.copy(named, s.each(k), int64(len(objects))); err != nil {
		return err
	}
	for _, p := range s.patches(k, objects) {
		if err := s.late(named); err != nil {
			return err
		}
		size := p.size
		if p.copies() {
			size += mostCopied
		}
		if err := s.copy(named, size, int64(p.objects)); err != nil {
			return err
		}
	}
	return nil
}

// each is the text that a kustomization puts into each of its objects, but for patches.
func (s *survey) each(k *kustomization) int64 { return s.plugged[k.dir].text + k.each() }

// each is the text that it puts into each of its objects by fields of its own.
func (k *kustomization) each() int64 {
	each := int64(len(k.NamePrefix)+len(k.NameSuffix)+len(k.Namespace)) + pairsText(k.CommonLabels) + pairsText(k.CommonAnnotations)
	for _, label := range k.Labels {
		each += pairsText(label.Pairs)
	}
	return each
}

// copy counts what is put into so many objects, or places in them, which must not be more than all files may have.
func (s *survey) copy(named string, size, places int64) error {
	if s.copied += size * places; s.copied <= s.limit.TotalSize {
		return nil
	}
	return s.refuse(fmt.Errorf("%s: what it puts into each of %d objects or fields (labels, annotations, prefixes, patches with a target, transformers) brings what a render repeats to more than %d bytes: "+
		"put less into fewer of them, or raise render.maxTotalSize", named, places, s.limit.TotalSize))
}

// longestImage is how many characters a name, tag or digest of an image may have; registries take no more than 255
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests). kustomize writes it into every
// container.
const longestImage = 512

func (k kustomization) longImages() error {
	for _, image := range k.Images {
		for _, part := range []string{image.NewName, image.NewTag, image.TagSuffix, image.Digest} {
			if len(part) > longestImage {
				line, field := k.where("images", part)
				return fmt.Errorf("line %d: %s: %s…: is refused: no part of an image's name is longer than %d characters", line, field, part[:40], longestImage)
			}
		}
	}
	return nil
}

// longestName is how many characters a name or namespace may have (DNS subdomain names,
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names). kustomize writes it into every
// reference to an object as well.
const longestName = 253

func (k kustomization) longNames() error {
	for _, part := range [][2]string{{"namePrefix", k.NamePrefix}, {"nameSuffix", k.NameSuffix}, {"namespace", k.Namespace}} {
		if value := part[1]; len(value) > longestName {
			line, field := k.where(part[0], value)
			return fmt.Errorf("line %d: %s: %s…: is refused: no name is longer than %d characters", line, field, value[:40], longestName)
		}
	}
	return nil
}

func pairsText(pairs map[string]string) (size int64) {
	for key, value := range pairs {
		size += int64(len(key) + len(value))
	}
	return size
}

// targets is how many objects a selector can be meant for at most. A name can have got a prefix and a suffix by then; one
// that is a pattern, a namespace, labels and annotations are taken to be those of every object.
func targets(selector *types.Selector, objects []resid.ResId) (count int) {
	only := types.Selector{ResId: resid.ResId{Gvk: selector.Gvk}}
	kinds, err := types.NewSelectorRegex(&only)
	if err != nil {
		return 0 // kustomize refuses it
	}
	plain := regexp.QuoteMeta(selector.Name) == selector.Name
	for _, id := range objects {
		if kinds.MatchGvk(id.Gvk) && (selector.Name == "" || !plain || strings.Contains(selector.Name, id.Name)) {
			count++
		}
	}
	return count
}
