package main

import (
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The CI jobs that docs/plan-ci.md shows are YAML, and every command in the page is one that there is, with flags that it
// has.
func TestDocsShowPlanJobsThatWork(t *testing.T) {
	text := page(t, "docs/plan-ci.md")
	jobs, commands := 0, 0
	for _, b := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		script := b[2]
		if b[1] == "yaml" {
			var job map[string]any
			if err := yaml.UnmarshalStrict([]byte(script), &job); err != nil {
				t.Errorf("%v in\n%s", err, script)
			}
			jobs++
		}
		script = strings.ReplaceAll(script, "\\\n", " ")
		for _, m := range regexp.MustCompile(`(?m)\bdaemongate (plan .*)$`).FindAllStringSubmatch(script, -1) {
			commands++
			understood(t, strings.Fields(m[1]))
		}
	}
	if jobs != 3 || commands != 4 {
		t.Errorf("%d jobs and %d commands, want one for each of GitHub, GitLab and Gitea, and one by hand", jobs, commands)
	}
	for _, flag := range regexp.MustCompile("`(--[a-z-]+)").FindAllStringSubmatch(text, -1) {
		understood(t, []string{"plan", flag[1] + "=1"})
	}
}

// understood checks that a command line names a command and flags that it has.
func understood(t *testing.T, args []string) {
	t.Helper()
	c, rest, err := newRoot("daemongate").Find(args)
	if err != nil || c.Name() != args[0] {
		t.Errorf("%q: no such command: %v", args, err)
		return
	}
	for _, a := range rest {
		name, _, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if strings.HasPrefix(a, "--") && c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
			t.Errorf("%q: no such flag: %s", args, a)
		}
	}
}
