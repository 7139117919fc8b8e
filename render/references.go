package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
)

// reference is a value of a kustomization file that kustomize takes for a path, or may.
type reference struct {
	field  string
	value  string
	role   role
	folder bool // a folder can stand there, and with it what kustomize takes for a repository
	inline bool // the content itself can stand there
}

// references are all the paths that a kustomization file names, its deprecated fields renamed.
func (k kustomization) references() (all []reference) {
	add := func(as reference, values ...string) {
		for _, v := range values {
			as.value = v
			all = append(all, as)
		}
	}
	add(reference{field: "resources", role: asObjects, folder: true}, k.Resources...)
	add(reference{field: "components", folder: true}, k.Components...)
	add(reference{field: "crds", role: asYAML}, k.Crds...)
	add(reference{field: "configurations", role: asYAML}, k.Configurations...)
	add(reference{field: "generators", role: asPlugin, folder: true, inline: true}, k.Generators...)
	add(reference{field: "transformers", role: asPlugin, folder: true, inline: true}, k.Transformers...)
	add(reference{field: "validators", role: asPlugin, folder: true, inline: true}, k.Validators...)
	for _, p := range k.PatchesStrategicMerge {
		add(reference{field: "patchesStrategicMerge", role: asYAML, inline: true}, string(p))
	}
	for _, p := range k.Patches {
		add(reference{field: "patches", role: asYAML}, p.Path)
	}
	for _, p := range k.PatchesJson6902 {
		add(reference{field: "patchesJson6902", role: asYAML}, p.Path)
	}
	for _, p := range k.Replacements {
		add(reference{field: "replacements", role: asYAML}, p.Path)
	}
	for _, g := range k.ConfigMapGenerator {
		add(reference{field: "configMapGenerator", role: asData}, sources(g.KvPairSources)...)
	}
	for _, g := range k.SecretGenerator {
		add(reference{field: "secretGenerator", role: asData | asSecret}, sources(g.KvPairSources)...)
	}
	return all
}

// yaml are the files that are no objects: patches, replacements, configurations, each as often as it is named.
func (k kustomization) yaml() (files []string) {
	for _, ref := range k.references() {
		if ref.role == asYAML && ref.value != "" && !(ref.inline && strings.ContainsAny(ref.value, "\n{")) {
			files = append(files, path.Join(k.dir, ref.value))
		}
	}
	return files
}

// sources are a generator's files, without the keys they are put under.
func sources(kv types.KvPairSources) (paths []string) {
	for _, f := range kv.FileSources {
		paths = append(paths, afterKey(f))
	}
	return append(append(paths, kv.EnvSources...), kv.EnvSource)
}

func afterKey(source string) string {
	if _, file, ok := strings.Cut(source, "="); ok {
		return file
	}
	return source
}

// reference checks a path that a kustomization file names, and gives the file its role.
func (r *reader) reference(k kustomization, ref reference) error {
	if ref.value == "" {
		return nil
	}
	at := func() string { // which goes through the whole file, and is for errors
		line, field := k.where(ref.field, ref.value)
		return fmt.Sprintf("line %d: %s", line, field)
	}
	shown := func() string {
		first, _, _ := strings.Cut(userinfo.ReplaceAllString(ref.value, "://…@"), "\n")
		return first
	}
	if ref.inline && strings.ContainsAny(ref.value, "\n{") && !schemes.MatchString(ref.value) &&
		!repository.MatchString(ref.value) {
		if ref.role == asPlugin {
			return r.inlinePlugin(k, at(), ref.value)
		}
		return nil
	}
	if err := r.local(k.dir, ref.value, ref.folder); err != nil && !r.localized[path.Join(k.dir, ref.value)] {
		return fmt.Errorf("%s: %s: %w", at(), shown(), err)
	}
	r.roles[path.Join(k.dir, ref.value)] |= ref.role
	if err := r.mustExist(path.Join(k.dir, ref.value), ref); err != nil {
		return fmt.Errorf("%s: %s: %w", at(), shown(), err)
	}
	if ref.role == asPlugin {
		if err := r.plugins(k.dir, path.Join(k.dir, ref.value), 0); err != nil {
			return fmt.Errorf("%s: %w", at(), err)
		}
	}
	return nil
}

// mustExist says what is missing in fewer words than kustomize, which tries a path as all that it could be.
func (r *reader) mustExist(named string, ref reference) error {
	rel, isDir, err := r.find(inside(named))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("is not in the tree%s", r.present(named))
	case err != nil:
		return err
	case isDir && !ref.folder:
		return errors.New("is a folder, not a file")
	case !isDir && ref.field == "components":
		return errors.New("is a file, not a folder")
	case isDir:
		own, err := r.kustomized(rel)
		if err == nil && own == "" {
			return errors.New("is a folder without a kustomization file: add one, or list its files")
		}
		return err
	}
	return nil
}

// local refuses what kustomize would fetch, and what is not in the tree.
func (r *reader) local(dir, value string, folder bool) error {
	switch {
	case scheme(value), folder && repository.MatchString(value) && !r.isFile(path.Join(dir, value)):
		return errors.New("is remote, and only what the repository holds is rendered: copy it in" + r.limit.orAllow())
	case path.IsAbs(value):
		return errors.New("is an absolute path: give it relative to the file that names it")
	case !fs.ValidPath(path.Join(dir, value)), !r.sameTree(dir, value):
		return errors.New("leads out of the tree: only what the repository holds is read")
	}
	return nil
}

// orAllow says what else could be done about what is remote.
func (o Options) orAllow() string {
	if o.Base != nil {
		return ""
	}
	return ", or allow remote bases (render.allowRemoteBases) and pin it to a commit"
}

// sameTree reports whether a path stays in the repository of the file that names it.
func (r *paths) sameTree(dir, value string) bool {
	return r.tree.rootOf(dir) == r.tree.rootOf(path.Join(dir, value))
}

// scheme says that kustomize would go to the network, or to git, by the look of the value alone.
func scheme(value string) bool {
	return schemes.MatchString(value) || strings.Contains(value, "://") && !strings.Contains(value, "\n")
}

var (
	schemes = regexp.MustCompile(`(?i)^(git::)?(https?:|ssh://|file://)|^git::`)
	// repository is what kustomize takes for a repository if there is no file of that name: a wider net than
	// kustomize's own, which also wants a path behind it.
	repository = regexp.MustCompile(`(?i)^(github\.com[/:]|[a-z][a-z0-9-]*@)`)
	// userinfo can be a password.
	userinfo = regexp.MustCompile(`://[^/\s]*@`)
)

func (r *paths) isFile(rel string) bool {
	_, isDir, err := r.find(inside(rel))
	return err == nil && !isDir
}
