package grouped

import (
	"fmt"
	"path"
	"reflect"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	sigsyaml "sigs.k8s.io/yaml"
)

// files are all that kustomize gets to see of a group, by their paths. Folders and files have numbers for names, so
// that what is rendered depends on nothing else.
type files struct {
	group
	content map[string][]byte
	folders map[*node]string
	failed  bool
}

const top = "/0"

// filesOf are the files of a group, or nil if they cannot be written.
func filesOf(n *node, g group) map[string][]byte {
	f := files{group: g, content: map[string][]byte{}, folders: map[*node]string{}}
	if f.folder(n) == "" || f.failed {
		return nil
	}
	return f.content
}

// folder writes a kustomization with what the group has of it, and returns the name of its folder; "" if it has none.
func (f *files) folder(n *node) string {
	if folder, known := f.folders[n]; known {
		return folder
	}
	folder := fmt.Sprint("/", len(f.folders))
	f.folders[n] = folder
	k := n.own
	below := folderFiles{files: f, folder: folder}
	k.Resources, k.Components = below.resources(n), nil
	k.ConfigMapGenerator, k.SecretGenerator = below.generators(n)
	own := len(k.Resources)+len(k.ConfigMapGenerator)+len(k.SecretGenerator) > 0
	for _, component := range n.components {
		if at := f.folder(component); at != "" {
			k.Components = append(k.Components, "../"+path.Base(at))
		}
	}
	k.Patches = below.patches(n)
	if empty := (types.Kustomization{TypeMeta: k.TypeMeta}); reflect.DeepEqual(k, empty) ||
		!own && len(k.Components) == 0 && k.Kind != types.ComponentKind {
		f.folders[n] = ""
		return ""
	}
	f.kustomization(folder, k)
	return folder
}

// kustomization writes a kustomization file, which must be read as what it was written from.
func (f *files) kustomization(folder string, k types.Kustomization) {
	content, err := sigsyaml.Marshal(k)
	var back types.Kustomization
	if err == nil {
		err = back.Unmarshal(content)
	}
	back.FixKustomization()
	f.failed = f.failed || err != nil || !reflect.DeepEqual(back, k)
	f.content[folder+"/kustomization.yaml"] = content
}

// folderFiles are the files of one folder.
type folderFiles struct {
	*files
	folder string
	count  int
}

func (f *folderFiles) put(content []byte) (name string) {
	name = fmt.Sprint("f", f.count)
	f.count++
	f.content[f.folder+"/"+name] = content
	return name
}

func (f *folderFiles) resources(n *node) (names []string) {
	for _, r := range n.resources {
		if r.node != nil {
			if at := f.files.folder(r.node); at != "" {
				names = append(names, "../"+path.Base(at))
			}
		}
		for _, it := range r.items {
			if f.items[it] {
				names = append(names, f.put([]byte(it.text)))
			}
		}
	}
	return names
}

func (f *folderFiles) generators(n *node) (configMaps []types.ConfigMapArgs, secrets []types.SecretArgs) {
	for i, it := range n.configMaps {
		if f.items[it] {
			g := n.own.ConfigMapGenerator[i]
			g.GeneratorArgs = generatorIn(g.GeneratorArgs, func(named string) string { return f.put(it.files[named]) })
			configMaps = append(configMaps, g)
		}
	}
	for i, it := range n.secrets {
		if f.items[it] {
			g := n.own.SecretGenerator[i]
			g.GeneratorArgs = generatorIn(g.GeneratorArgs, func(named string) string { return f.put(it.files[named]) })
			secrets = append(secrets, g)
		}
	}
	return configMaps, secrets
}

// patches are those that are meant for an object of the group, and those that are meant for none at all.
func (f *folderFiles) patches(n *node) (patches []types.Patch) {
	for _, p := range n.patches {
		wanted := len(p.items) == 0
		for it := range p.items {
			if wanted = wanted || f.items[it]; wanted {
				break
			}
		}
		if !wanted {
			continue
		}
		own := p.own
		if own.Path != "" {
			own.Path = f.put(p.content)
		}
		patches = append(patches, own)
	}
	return patches
}

// onDisk are files as kustomize reads them.
func onDisk(content map[string][]byte) (filesys.FileSystem, error) {
	disk := filesys.MakeFsInMemory()
	for name, text := range content {
		if err := disk.WriteFile(name, text); err != nil {
			return nil, err
		}
	}
	return disk, nil
}
