package render

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// base is a folder of another repository at a commit, as a kustomization file names it.
type base struct{ url, commit, folder string }

var (
	fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)
	scpForm    = regexp.MustCompile(`^([A-Za-z][\w.-]*@)?([\w.-]+):([^/].*)$`)
	unnameable = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// parseBase reads the forms in which kustomize names a repository: https://host/org/repo//folder?ref=…, ssh://…,
// git@host:org/repo.git and github.com/org/repo
// (https://github.com/kubernetes-sigs/kustomize/blob/master/examples/remoteBuild.md). It must be pinned to a commit, so
// that the same kustomization file always renders to the same.
func parseBase(value string) (base, error) {
	address, query, _ := strings.Cut(strings.TrimPrefix(value, "git::"), "?")
	commit, err := pinned(query)
	if err != nil {
		return base{}, err
	}
	switch parts := scpForm.FindStringSubmatch(address); {
	case strings.HasPrefix(address, "github.com/"):
		address = "https://" + address
	case strings.HasPrefix(address, "github.com:"):
		address = "https://github.com/" + strings.TrimPrefix(address, "github.com:")
	case parts != nil && !strings.Contains(address, "://"):
		address = "ssh://" + parts[1] + parts[2] + "/" + parts[3]
	}
	u, err := url.Parse(address)
	if err != nil {
		return base{}, errNoRepository // url's own error holds the whole of it, with a password in it
	}
	if err := mayFetch(u); err != nil {
		return base{}, err
	}
	repository, folder := splitPath(u.Path)
	if !fs.ValidPath(folder) {
		return base{}, fmt.Errorf("%s is no folder of a repository", folder)
	}
	u.Path = repository
	return base{url: u.String(), commit: commit, folder: folder}, nil
}

// pinned is the commit that the query names.
func pinned(query string) (string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", fmt.Errorf("its query cannot be read: %w", err)
	}
	for key := range values {
		if !slices.Contains([]string{"ref", "version", "timeout", "depth"}, key) {
			return "", fmt.Errorf("%s= is not supported: only ?ref=COMMIT is", key)
		}
	}
	refs := append(values["ref"], values["version"]...)
	if len(refs) != 1 || !fullCommit.MatchString(refs[0]) {
		return "", errors.New("is not pinned: name the full commit, ?ref= with 40 hexadecimal digits; branches and " +
			"tags move")
	}
	return refs[0], nil
}

// mayFetch refuses addresses that Git should not decide to read, and passwords in them.
func mayFetch(u *url.URL) error {
	_, password := u.User.Password()
	switch {
	case u.Scheme == "":
		return errNoRepository
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return fmt.Errorf("%s:// is refused: a remote base comes over https, http or ssh", u.Scheme)
	case password, u.User != nil && u.Scheme != "ssh":
		return errors.New("has credentials in it, which do not belong into Git: remove them")
	case u.Host == "":
		return errNoRepository
	}
	return nil
}

var errNoRepository = errors.New("is no address of a repository: expected https://host/org/repo//folder?ref=COMMIT")

// splitPath tells the repository's path from the folder in it: by "//", else behind ".git", else behind the first two
// names, as kustomize does.
func splitPath(p string) (repository, folder string) {
	if repository, folder, ok := strings.Cut(p, "//"); ok {
		return repository, cleanFolder(folder)
	}
	if repository, folder, ok := strings.Cut(p+"/", ".git/"); ok {
		return repository + ".git", cleanFolder(folder)
	}
	names := strings.SplitN(strings.Trim(p, "/"), "/", 3)
	if len(names) < 3 {
		return p, "."
	}
	return "/" + names[0] + "/" + names[1], cleanFolder(names[2])
}

func cleanFolder(folder string) string {
	if folder = path.Clean(strings.Trim(folder, "/")); folder == "" {
		return "."
	}
	return folder
}

// name is the folder of the multi-tree that the base's repository is.
func (b base) name() string {
	u, err := url.Parse(b.url)
	if err != nil {
		return baseMark + b.commit
	}
	return baseMark + strings.Trim(unnameable.ReplaceAllString(u.Host+u.Path, "+"), "+") + "@" + b.commit
}

// isRemote says that a value of resources or components names another repository, or a file elsewhere.
func (r *reader) isRemote(dir, value string) bool {
	return scheme(value) || repository.MatchString(value) && !r.isFile(path.Join(dir, value))
}

// localizeBases puts local paths in the place of remote bases, as kustomize localize does, and their trees where these
// lead.
func (r *reader) localizeBases(k *kustomization) (changed bool, err error) {
	if r.limit.Base == nil {
		return false, nil
	}
	for _, list := range [][]string{k.Resources, k.Components} {
		for i, value := range list {
			if !r.isRemote(k.dir, value) {
				continue
			}
			if list[i], err = r.localize(k.dir, value); err != nil {
				line, field := k.where("resources", value)
				return false, fmt.Errorf("line %d: %s: %s: %w", line, field, userinfo.ReplaceAllString(value, "://…@"),
					err)
			}
			changed = true
		}
	}
	return changed, nil
}

// localize opens the tree of a remote base, and returns the way to its folder.
func (r *reader) localize(dir, value string) (string, error) {
	b, err := parseBase(value)
	if err != nil {
		return "", err
	}
	name := b.name()
	if _, here := r.tree.bases[name]; !here {
		tree, err := r.limit.Base(r.ctx, b.url, b.commit)
		if err != nil {
			return "", &TreeError{Path: name, Err: err}
		}
		r.tree.bases[name] = tree
	}
	local, err := filepath.Rel(inside(dir), inside(path.Join(name, b.folder)))
	if err != nil {
		return "", err
	}
	local = filepath.ToSlash(local)
	r.localized[path.Join(dir, local)] = true
	return local, nil
}
