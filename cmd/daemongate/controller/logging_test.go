package controller

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// speaking has a process of the tests use klog as client-go does, with our log of that format and level. klog's logger is
// one for a process, and the other tests have theirs.
const speaking = "DAEMONGATE_TEST_KLOG"

// speak says something by each of klog's ways.
func speak(format, level string) {
	NewLog(os.Stdout, level, format)
	klog.Warning("watch of Nodes ended, ", "trying again] now")
	klog.Errorf("list of %s failed", "Pods")
	klog.ErrorS(errors.New("refused"), "Failed to watch", "type", "Pods")
	klog.Info("caches are there")
	klog.Background().Info("Starting reflector", "type", "Nodes")
	klog.V(8).Info("the body of a Secret")
	klog.Background().V(8).Info("the body of another Secret")
	klog.Flush()
}

// What client-go says by klog, by its older functions and by its newer ones, is a line as all others are, in text and in
// JSON, with a level: what it warns of, and what it calls an error and tries again, is a warning. What it has to say to
// its developers is for debugging, and the bodies of requests are for nobody.
func TestWhatKlogSaysIsALineOfOurs(t *testing.T) {
	if format, level, told := strings.Cut(os.Getenv(speaking), " "); told {
		speak(format, level)
		return
	}
	want := map[string]string{"watch of Nodes ended, trying again] now": "warning", "list of Pods failed": "warning",
		"Failed to watch": "warning", "caches are there": "debug", "Starting reflector": "debug"}
	for _, format := range []string{"text", "json"} {
		lines := spoken(t, format+" trace")
		for text, level := range want {
			if lines[text] != level {
				t.Errorf("%s: %q is %q, want %q", format, text, lines[text], level)
			}
		}
		if len(lines) != len(want) {
			t.Errorf("%s: it says %q", format, lines)
		}
		if lines := spoken(t, format+" info"); len(lines) != 3 {
			t.Errorf("%s: with level info it says %q", format, lines)
		}
	}
}

// ofText is a line of the log for people.
var ofText = regexp.MustCompile(`^time="[^"]+" level=(\w+) msg="?(.*?)"?(?: err=refused)?(?: type=\w+)?$`)

// spoken are the texts that the process has logged, with their levels. Every line has a time.
func spoken(t *testing.T, how string) map[string]string {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWhatKlogSaysIsALineOfOurs$")
	c.Env = append(os.Environ(), speaking+"="+how)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v: %s%s", err, out, &stderr)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if line == "PASS" || strings.HasPrefix(line, "coverage:") {
			continue
		}
		var l struct{ Time, Level, Msg string }
		if m := ofText.FindStringSubmatch(line); m != nil {
			l.Time, l.Level, l.Msg = "there", m[1], m[2]
		} else if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("this is no line of ours: %s", line)
		}
		if l.Time == "" {
			t.Errorf("it has no time: %s", line)
		}
		lines[l.Msg] = l.Level
	}
	return lines
}
