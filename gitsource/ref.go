package gitsource

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// Mistake marks an error as one that somebody has to put right; IsMistake reports whether a repository cannot be read
// for such a reason.
func Mistake(err error) error { return remote.Mistake(err) }

// IsMistake is explained above.
func IsMistake(err error) bool { return remote.IsMistake(err) }

// Ref says which commit of a repository is meant. Exactly one of its texts is set.
type Ref struct {
	Branch string // the newest commit of a branch
	Tag    string // what a tag points at
	SemVer string // the highest version among the tags that is within a range, such as ">=1.2 <2" or "~1.4"
	Commit string // this commit: 40 hexadecimal digits
	Name   string // any ref by its full name, such as refs/changes/12/34/5, or HEAD

	Prereleases bool // with SemVer: versions such as 1.3.0-rc.1 count too
}

// String is the ref as a person would say it.
func (r Ref) String() string {
	switch {
	case r.Branch != "":
		return "branch " + r.Branch
	case r.Tag != "":
		return "tag " + r.Tag
	case r.SemVer != "":
		return "version " + r.SemVer
	case r.Commit != "":
		return "commit " + r.Commit
	}
	return "ref " + r.Name
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// check refuses what cannot be looked for.
func (r Ref) check() error {
	given := slices.DeleteFunc([]string{r.Branch, r.Tag, r.SemVer, r.Commit, r.Name},
		func(s string) bool { return s == "" })
	switch {
	case len(given) == 0:
		return errors.New("no ref is given: name a branch, a tag or a commit")
	case len(given) > 1:
		return fmt.Errorf("more than one ref is given (%s): name one", strings.Join(given, ", "))
	case r.SemVer != "":
		_, err := parseRange(r.SemVer)
		return err
	case r.Prereleases:
		return errors.New("pre-releases are chosen among versions: give a version range, too")
	case r.Commit != "" && len(r.Commit) == 64:
		return fmt.Errorf("commit %s is a SHA-256 name, which is not supported", r.Commit)
	case r.Commit != "" && !fullHash.MatchString(r.Commit):
		return fmt.Errorf("commit %q is not a full hash: give all 40 hexadecimal digits, in lower case", r.Commit)
	}
	return nil
}

// fullName is the name of the ref on the server; empty for a commit and for a range of versions.
func (r Ref) fullName() string {
	switch {
	case r.Branch != "":
		return "refs/heads/" + strings.TrimPrefix(r.Branch, "refs/heads/")
	case r.Tag != "":
		return "refs/tags/" + strings.TrimPrefix(r.Tag, "refs/tags/")
	}
	return r.Name
}

// Prefix is what the full names begin with among which the ref is found: its own, or refs/tags/ for a range of
// versions. A commit has none.
func (r Ref) Prefix() string {
	if r.SemVer != "" {
		return tagPrefix
	}
	return r.fullName()
}

// Follows is true of the full name of a ref at which this one may be found.
func (r Ref) Follows(name string) bool {
	if r.SemVer == "" {
		return name != "" && name == r.fullName()
	}
	_, err := r.highest(map[string]plumbing.Hash{name: {}})
	return err == nil
}

// find looks a ref up in what the server advertises.
func (r Ref) find(refs map[string]plumbing.Hash) (tip, error) {
	if r.SemVer != "" {
		return r.highest(refs)
	}
	name := r.fullName()
	if hash, ok := refs[name]; ok {
		return tip{name, hash}, nil
	}
	if name == "HEAD" {
		return tip{}, errors.New("ref HEAD leads to a branch without a commit: push that branch, or name another")
	}
	kind := name[:strings.LastIndexByte(name, '/')+1]
	return tip{}, fmt.Errorf("%s does not exist%s", r, others(refs, kind))
}

// others names a few refs that do exist, for whoever mistyped one.
func others(refs map[string]plumbing.Hash, prefix string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if rest, ok := strings.CutPrefix(name, prefix); ok && prefix != "" {
			names = append(names, rest)
		}
	}
	const few = 5
	switch {
	case len(names) == 0:
		return ": check its name, or push it"
	case len(names) > few:
		return fmt.Sprintf(": there are %s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return ": there is " + strings.Join(names, ", ")
}
