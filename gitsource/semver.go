package gitsource

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing"
)

const (
	tagPrefix = "refs/tags/"
	maxRange  = 256 // bytes
)

// parseRange reads a range of versions as cargo and npm write it: comparisons, "~", "^", "x", "||" for or.
func parseRange(text string) (*semver.Constraints, error) {
	if len(text) > maxRange {
		return nil, errors.New("the version range is longer than 256 characters")
	}
	r, err := semver.NewConstraint(text)
	if err != nil {
		return nil, fmt.Errorf("the version range %q cannot be read: write it like \">=1.2 <2\", \"~1.4\" or \"1.x\"",
			text)
	}
	return r, nil
}

// version reads a tag's name. Only a whole version counts, with or without a v: a tag 20260102 is a date, and no
// version that would beat all others.
func version(tag string) (*semver.Version, bool) {
	v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
	return v, err == nil
}

// release is a tag that is a version.
type release struct {
	tag     string
	hash    plumbing.Hash
	version *semver.Version
}

// above orders releases. Versions that differ in what is after a "+" have no order of their own; it must be the same at
// every poll all the same.
func (r release) above(other release) bool {
	return cmp.Or(r.version.Compare(other.version), strings.Compare(r.version.Metadata(), other.version.Metadata()),
		strings.Compare(r.tag, other.tag)) > 0
}

// CompareVersions compares the versions that the full names of two tags are; 0 if one of them is none.
func CompareVersions(a, b string) int {
	first, isFirst := version(strings.TrimPrefix(a, tagPrefix))
	second, isSecond := version(strings.TrimPrefix(b, tagPrefix))
	if !isFirst || !isSecond {
		return 0
	}
	return first.Compare(second)
}

// highest finds the tag with the highest version in the range.
func (r Ref) highest(refs map[string]plumbing.Hash) (tip, error) {
	within, err := parseRange(r.SemVer)
	if err != nil {
		return tip{}, err
	}
	within.IncludePrerelease = r.Prereleases
	var best, outside release
	for name, hash := range refs {
		tag, ok := strings.CutPrefix(name, tagPrefix)
		if !ok {
			continue
		}
		v, ok := version(tag)
		if !ok {
			continue
		}
		it := release{tag, hash, v}
		switch in := within.Check(v); {
		case in && (best.version == nil || it.above(best)):
			best = it
		case !in && (outside.version == nil || it.above(outside)):
			outside = it
		}
	}
	if best.version == nil {
		return tip{}, r.noRelease(refs, outside)
	}
	return tip{tagPrefix + best.tag, best.hash}, nil
}

// noRelease says what there is instead.
func (r Ref) noRelease(refs map[string]plumbing.Hash, outside release) error {
	switch {
	case outside.version == nil:
		return fmt.Errorf("no tag is a version such as v1.2.3%s", others(refs, tagPrefix))
	case outside.version.Prerelease() != "" && !r.Prereleases:
		return fmt.Errorf("no tag is within %s: the highest version is the pre-release %s, and pre-releases count "+
			"only if ref.prereleases is set", r, outside.tag)
	}
	return fmt.Errorf("no tag is within %s: the highest version is %s", r, outside.tag)
}
