package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/install"
)

// What docs/install.md shows somebody new is typed in, line by line: with the same words, and to the same end.
func TestFromNothingToACommitStatusAsTheDocsSay(t *testing.T) {
	cluster := shared.Start(t)
	lines := consoleBelow(t, page(t, "docs/install.md"), "## From nothing to a commit status")
	name := "hour" + strings.ToLower(rand.Text()[:4]) // a repository and a namespace of its own, as long as what is shown
	url, err := cluster.CreateRepo(name)
	check(t, err)
	dir := t.TempDir()
	as := &newcomer{T: t, dir: dir, repository: cluster.RepoPath(name), shown: strings.NewReplacer(
		"https://git.example.com/platform/fleet.git", url, "cd fleet", "cd "+name, "platform", name,
		"minReadySeconds: 30", "minReadySeconds: 1")}
	program := filepath.Join(dir, "bin", "daemongate")
	gittest.Write(t, program, fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProcess, os.Args[0]))
	check(t, os.Chmod(program, 0o700))
	as.env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "HOME="+dir,
		"KUBECONFIG="+cluster.Kubeconfig, "XDG_CACHE_HOME="+dir, "DAEMONGATE_LEASE_NAME=hour",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	for _, l := range lines {
		as.types(l)
		if strings.Contains(l.command, "> ../sync.yaml") { // a minute of proof is for agents
			path := filepath.Join(dir, "sync.yaml")
			text, err := os.ReadFile(path)
			check(t, err)
			gittest.Write(t, path, strings.Replace(string(text), "spec:\n", "spec:\n  rollout: {settle: 1s, proof: 0s}\n", 1))
		}
	}
	if len(lines) != 10 {
		t.Errorf("%d lines, and ten are promised", len(lines))
	}
}

// The sizes of docs/operate.md can be installed, and the first of them is what is installed where nobody asks.
func TestSizesInTheDocsCanBeInstalled(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile("\n\\| ([0-9,]+) \\| [0-9,]+ \\| `(\\w+)` \\| `(\\w+)` \\| `(\\w+)` \\|")
	rows := row.FindAllStringSubmatch(page(t, "docs/operate.md"), -1)
	if len(rows) < 4 {
		t.Fatalf("the table of sizes has %d rows", len(rows))
	}
	for i, r := range rows {
		size := install.Resources{CPURequest: r[2], MemoryRequest: r[3], MemoryLimit: r[4]}
		if err := checkInstall("", install.Options{Image: "i", Resources: size}); err != nil || i == 0 && size != install.DefaultResources {
			t.Errorf("%s Syncs: %+v: %v", r[1], size, err)
		}
	}
}

// line is one command that a terminal shows, and what it printed.
type line struct{ command, output string }

// ended says that a command stays until it is interrupted, which the terminal shows so.
const ended = "\n^C\n"

// consoleBelow is what the first console below a heading shows.
func consoleBelow(t *testing.T, text, heading string) (lines []line) {
	t.Helper()
	_, text, _ = strings.Cut(text, "\n"+heading+"\n")
	_, text, _ = strings.Cut(text, "```console\n")
	text, _, found := strings.Cut(text, "```\n")
	if !found {
		t.Fatalf("there is no console below %q", heading)
	}
	for shown := range strings.Lines(text) {
		if len([]rune(shown)) > 81 {
			t.Errorf("wider than 80 columns: %s", shown)
		}
		command, typed := strings.CutPrefix(shown, "$ ")
		more, goesOn := strings.CutPrefix(shown, "> ")
		switch {
		case typed:
			lines = append(lines, line{command: command})
		case len(lines) == 0:
			t.Fatalf("it begins with no command: %s", shown)
		case goesOn && lines[len(lines)-1].output == "":
			lines[len(lines)-1].command += more
		case len([]rune(shown)) == 81: // the terminal goes on with it in its next row
			lines[len(lines)-1].output += strings.TrimSuffix(shown, "\n")
		default:
			lines[len(lines)-1].output += shown
		}
	}
	return lines
}

// newcomer types what the docs show into a shell.
type newcomer struct {
	*testing.T
	dir, repository string
	env             []string
	shown           *strings.Replacer // from what the docs show to what is here
}

// pushed reports whether the repository has been told of the commit, for which people leave a moment before they press ^C.
func (n *newcomer) pushed() bool {
	notes, _ := exec.CommandContext(n.Context(), "git", "--git-dir", n.repository, "log", "--notes=daemongate/*", "main").Output()
	return strings.Contains(string(notes), "success: Complete")
}

// types has the shell run a line: it must not fail, and print in the end what the docs show in the end. What stays until
// it is interrupted must first print that.
func (n *newcomer) types(l line) {
	n.Helper()
	command, stays := n.shown.Replace(l.command), strings.HasSuffix("\n"+l.output, ended)
	want := n.told(n.shown.Replace(strings.TrimSuffix("\n"+l.output, ended)))
	if stays {
		command = "exec " + command
	}
	var out locked
	at := filepath.Join(n.dir, "at") // where the shell is
	c := exec.CommandContext(n.Context(), "bash", "-e", "-c", "cd \"$(cat '"+at+"' || echo '"+n.dir+"')\" 2>/dev/null\n"+
		command+"pwd > '"+at+"'\n")
	c.Env, c.Stdout, c.Stderr = n.env, &out, &out
	c.Cancel, c.WaitDelay = func() error { return c.Process.Signal(os.Interrupt) }, time.Minute
	check(n, c.Start())
	gone := make(chan error, 1)
	go func() { gone <- c.Wait() }()
	deadline := time.After(3 * time.Minute)
	for {
		select {
		case err := <-gone:
			if got := n.told(out.String()); err != nil || !strings.HasSuffix(got, want) {
				n.Fatalf("$ %s%v, and printed\n%s\nwant at the end\n%s", command, err, got, want)
			}
			return
		case <-deadline:
			n.Fatalf("$ %sprinted within three minutes\n%s\nwant\n%s", command, n.told(out.String()), want)
		case <-time.After(50 * time.Millisecond):
		}
		if stays && strings.HasSuffix(n.told(out.String()), want) && n.pushed() {
			check(n, c.Process.Signal(syscall.SIGINT))
			<-gone
			return
		}
	}
}

// told is the last line of a text, with the words alone that are so each time.
func (n *newcomer) told(text string) string {
	text = strings.TrimSpace(text)
	text = text[strings.LastIndex(text, "\n")+1:]
	for _, varies := range []string{`\d\d:\d\d:\d\d`, `[0-9a-f]{7,40}`, `\d{4}-\d\d-\d\dT[^"]+Z`, `\d+ nodes?`,
		`\d+/\d+`, `\b\d+[smh]\b`} {
		text = regexp.MustCompile(varies).ReplaceAllString(text, "…")
	}
	return strings.Join(strings.Fields(text), " ")
}
