package laws

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"sigs.k8s.io/yaml"
)

// History is what stands in a repository: the commits of a branch by their first parents, oldest first, and the objects
// that a commit asks for, also of commits that the branch no longer has.
type History struct {
	Line []string
	Sets map[string][]map[string]any
}

// ReadHistory reads a bare repository whose commits hold plain YAML files.
func ReadHistory(ctx context.Context, dir, branch string) (*History, error) {
	line, err := git(ctx, dir, "rev-list", "--first-parent", "--reverse", branch)
	if err != nil {
		return nil, err
	}
	objects, err := git(ctx, dir, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
	if err != nil {
		return nil, err
	}
	h := &History{Line: strings.Fields(line), Sets: map[string][]map[string]any{}}
	for row := range strings.Lines(objects) {
		commit, ok := strings.CutPrefix(strings.TrimSpace(row), "commit ")
		if !ok {
			continue
		}
		if h.Sets[commit], err = setOf(ctx, dir, commit); err != nil {
			return nil, fmt.Errorf("commit %s: %w", commit, err)
		}
	}
	return h, nil
}

func setOf(ctx context.Context, dir, commit string) (set []map[string]any, err error) {
	names, err := git(ctx, dir, "ls-tree", "-r", "--name-only", commit)
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(names) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		file, err := git(ctx, dir, "show", commit+":"+name)
		if err != nil {
			return nil, err
		}
		var object map[string]any
		if yaml.Unmarshal([]byte(file), &object) == nil && object["kind"] != nil { // else it asks for nothing
			set = append(set, object)
		}
	}
	return set, nil
}

// find is what a commit says of an object; nil if it does not ask for it.
func (h *History) find(commit, kind, name string) map[string]any {
	for _, o := range h.Sets[commit] {
		if text(o, "kind") == kind && text(o, "metadata", "name") == name {
			return o
		}
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"--git-dir=" + dir}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s in %s: %w", args[0], dir, err)
	}
	return string(out), nil
}
