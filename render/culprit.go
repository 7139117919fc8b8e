package render

import (
	"bytes"
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render/dropped"
	"github.com/daemongate/daemongate/render/yamlfile"
)

// mostTrials is how many objects are tried at most to find what kustomize gives up on; a whole folder counts as a
// hundred.
const (
	mostTrials   = 2000
	folderTrials = 100
)

// trials render parts of what kustomize gave up on, to find the part that it cannot take.
type trials struct {
	*reader
	objects []dropped.Object
	left    int
}

// culprit is the file and the object, patch or replacement that kustomize gives up on by itself: "" if it is none
// alone.
func (r *reader) culprit(folder string) string {
	defer func(kept error, used usage) { r.refused, r.used = kept, used }(r.reason(), r.used)
	objects := dropped.Objects(done{r}, folder)
	own, err := r.kustomized(folder)
	if err != nil || own == "" {
		return ""
	}
	t := &trials{reader: r, objects: objects, left: mostTrials}
	return t.inFolder(folder, own, 0)
}

const deepestTrial = 20 // folders below each other

// inFolder looks in a folder: first in those below it, then at its objects, one by one, and then at what it does with
// them.
func (t *trials) inFolder(folder, own string, depth int) string {
	c, err := t.look(inside(own))
	if err != nil || c.lists == nil || depth > deepestTrial {
		return ""
	}
	for _, value := range append(append([]string{}, c.lists.Resources...), c.lists.Components...) {
		rel, isDir, err := t.find(inside(path.Join(folder, value)))
		if err != nil || !isDir {
			continue
		}
		if below, err := t.kustomized(rel); err == nil && below != "" && t.panics(folderTrials, rel, nil) {
			return t.inFolder(rel, below, depth+1)
		}
	}
	if found := t.objectAlone(folder, own, c.lists); found != "" {
		return found
	}
	return t.changeAlone(folder, own, c.lists)
}

// objectAlone is the object that cannot be taken even alone, without a patch.
func (t *trials) objectAlone(folder, own string, k *kustomization) string {
	const file = "@trial.yaml"
	alone := types.Kustomization{
		TypeMeta:  types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
		Resources: []string{file},
		Namespace: k.Namespace, NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix, Labels: k.Labels,
		CommonLabels: k.CommonLabels, CommonAnnotations: k.CommonAnnotations,
	}
	content, err := sigsyaml.Marshal(alone)
	if err != nil {
		return ""
	}
	for _, one := range t.objects {
		text, err := yaml.NewRNode(one.Node).String()
		if err == nil && t.panics(1, folder, map[string][]byte{own: content, path.Join(folder, file): []byte(text)}) {
			id := yamlfile.Identity{Namespace: one.ID.Namespace, Name: one.ID.Name}
			id.Kind = one.ID.Kind
			return fmt.Sprintf("%s: line %d: %s", one.File, one.Line, id)
		}
	}
	return ""
}

// changeAlone is the patch or replacement that cannot be taken even if it is the only one.
func (t *trials) changeAlone(folder, own string, k *kustomization) string {
	without := k.Kustomization
	without.Patches, without.PatchesJson6902, without.PatchesStrategicMerge, without.Replacements = nil, nil, nil, nil
	try := func(field string, i int, change func(*types.Kustomization)) string {
		with := without
		change(&with)
		content, err := sigsyaml.Marshal(with)
		if err != nil || !t.panics(folderTrials, folder, map[string][]byte{own: content}) {
			return ""
		}
		return fmt.Sprintf("%s: %s[%d]", own, field, i)
	}
	found := ""
	for i, p := range k.Patches {
		found = first(found, try("patches", i, func(with *types.Kustomization) { with.Patches = []types.Patch{p} }))
	}
	for i, p := range k.PatchesJson6902 {
		found = first(found, try("patchesJson6902", i,
			func(with *types.Kustomization) { with.PatchesJson6902 = []types.Patch{p} }))
	}
	for i, p := range k.PatchesStrategicMerge {
		found = first(found, try("patchesStrategicMerge", i,
			func(with *types.Kustomization) { with.PatchesStrategicMerge = []types.PatchStrategicMerge{p} }))
	}
	for i, p := range k.Replacements {
		found = first(found, try("replacements", i,
			func(with *types.Kustomization) { with.Replacements = []types.ReplacementField{p} }))
	}
	if found == "" {
		return own
	}
	return found
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// panics reports whether kustomize gives up on a folder in which some files are others.
func (t *trials) panics(cost int, folder string, files map[string][]byte) (gaveUp bool) {
	if t.left -= cost; t.left < 0 || t.ctx.Err() != nil {
		return false
	}
	defer func() { gaveUp = recover() != nil }()
	t.used = usage{}
	o := krusty.MakeDefaultOptions()
	o.LoadRestrictions = types.LoadRestrictionsNone
	o.Reorder = krusty.ReorderOptionUnspecified
	_, _ = krusty.MakeKustomizer(o).Run(trial{fileSystem{reader: t.reader}, files}, inside(folder))
	return false
}

// trial is a tree in which some files are others.
type trial struct {
	fileSystem
	files map[string][]byte
}

// CleanedAbs knows the other files, too.
func (f trial) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	if rel, _ := outside(name); f.files[rel] != nil {
		return filesys.ConfirmedDir(inside(path.Dir(rel))), path.Base(rel), nil
	}
	return f.fileSystem.CleanedAbs(name)
}

// ReadFile returns another file if there is one.
func (f trial) ReadFile(name string) ([]byte, error) {
	if rel, _ := outside(name); f.files[rel] != nil {
		return bytes.Clone(f.files[rel]), nil
	}
	return f.fileSystem.ReadFile(name)
}
