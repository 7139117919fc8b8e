package treefs

import (
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// leastEntry is how many bytes an entry of a folder takes at least: a mode, a name, what ends them, and a hash.
const leastEntry = 1 + 1 + 1 + 1 + len(plumbing.Hash{})

// Entries reads a folder as it was committed, as go-git does. go-git would also hash the folder again, whose content
// was checked against its name when it was read.
func Entries(content []byte) ([]object.TreeEntry, error) {
	if len(content) == 0 {
		return nil, nil
	}
	text := string(content) // which all names are parts of
	entries := make([]object.TreeEntry, 0, min(strings.Count(text, "\x00"), len(text)/leastEntry))
	for len(text) > 0 {
		e, rest, err := entry(text)
		if err != nil {
			return nil, err
		}
		entries, text = append(entries, e), rest
	}
	return entries, nil
}

// entry reads the first entry of a folder.
func entry(text string) (e object.TreeEntry, rest string, err error) {
	malformed := func(what string) (object.TreeEntry, string, error) {
		return object.TreeEntry{}, "", fmt.Errorf("%w: %s", object.ErrMalformedTree, what)
	}
	digits, rest, ok := strings.Cut(text, " ")
	if !ok {
		return malformed("missing mode terminator")
	}
	mode, err := filemode.New(digits)
	if err != nil {
		return malformed("malformed mode")
	}
	e.Mode = canonical(mode)
	if e.Name, rest, ok = strings.Cut(rest, "\x00"); !ok {
		return malformed("missing filename terminator")
	}
	if e.Name == "" {
		return malformed("empty filename")
	}
	if len(rest) < len(e.Hash) {
		return malformed("truncated object id")
	}
	return e, rest[copy(e.Hash[:], rest):], nil
}

// canonical is the mode that git takes a committed one for.
func canonical(mode filemode.FileMode) filemode.FileMode {
	const kind, executable = 0o170000, 0o111
	switch mode & kind {
	case filemode.Dir & kind:
		return filemode.Dir
	case filemode.Regular & kind:
		if mode&executable != 0 {
			return filemode.Executable
		}
		return filemode.Regular
	case filemode.Symlink & kind:
		return filemode.Symlink
	}
	return filemode.Submodule
}
