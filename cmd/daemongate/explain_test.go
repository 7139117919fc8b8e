package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
)

const (
	typo  = "testdata/dumps/fleet-typo.json"          // an image that does not exist, on real-1..3
	good  = "testdata/dumps/fleet-good-minready.json" // a rollout that went well
	crash = "testdata/dumps/fleet-crash-flap.json"    // an agent that exits 3 after half a second, minReadySeconds 0
	later = "2026-11-23T18:00:00Z"                    // long after all of them
)

// explainJSON calls explain -o json and reads the answer.
func explainJSON(t *testing.T, args ...string) (report.Report, result) {
	t.Helper()
	r := daemongate(t, "", append([]string{"explain", "-o", "json"}, args...)...)
	var e report.Report
	if err := json.Unmarshal([]byte(r.stdout), &e); err != nil {
		t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
	}
	return e, r
}

// A typo in an image is Stuck, and the answer for people names the image, the node and what to do.
func TestExplainTellsAPersonWhatToDo(t *testing.T) {
	r := daemongate(t, "", "explain", "-f", typo, "--at", later)
	if r.code != 3 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %s", r.code, r.stderr)
	}
	golden(t, "explain-typo.txt", r.stdout)
}

// The answer for scripts has the fields that docs/design.md promises, with lists that are never null, so that jq needs
// no case for their absence.
func TestExplainAnswersScripts(t *testing.T) {
	_, r := explainJSON(t, "-f", typo, "--at", later)
	if r.code != 3 {
		t.Errorf("exit code %d, stderr %s", r.code, r.stderr)
	}
	for _, want := range []string{`"verdict": "Stuck"`, `"name": "agent"`, `"namespace": "f-fleet-typo"`,
		`"desired": 3`, `"updated": 1`,
		`"settled": 0`, `"absent": []`, `"code": "ImagePull"`, `"pods": [`, `"message": `, `"remedy": `,
		`"since": "2026-11-23T17:`} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("there is no %s in %s", want, r.stdout)
		}
	}
	_, r = explainJSON(t, "-f", good, "--at", later)
	if !strings.Contains(r.stdout, `"causes": []`) {
		t.Errorf("there is no empty list of causes in %s", r.stdout)
	}
}

// A rollout that has taken over is no news: the exit code is 0.
func TestExplainOfAGoodRollout(t *testing.T) {
	e, r := explainJSON(t, "-f", good, "--at", later)
	if r.code != 0 || e.Verdict != rollout.Complete || e.DaemonSets[0].Settled != 3 {
		t.Errorf("exit code %d, %s", r.code, r.stdout)
	}
}

// A crash loop whose DaemonSet counts as available in passing is never Complete, and Stuck in the end.
func TestExplainSeesThroughACrashLoop(t *testing.T) {
	e, r := explainJSON(t, "-f", crash, "--at", later)
	if r.code != 3 || e.Verdict != rollout.Stuck {
		t.Fatalf("exit code %d, %s", r.code, r.stdout)
	}
	if c := e.DaemonSets[0].Causes; len(c) == 0 || c[0].Code != rollout.CrashLoop || len(c[0].Nodes) != 3 {
		t.Errorf("causes: %+v", c)
	}
}

// What is dated after --at is not looked at: before the DaemonSet was made, there is none.
func TestExplainLooksAtThePast(t *testing.T) {
	r := daemongate(t, "", "explain", "-f", typo, "--at", "2020-01-01T00:00:00Z")
	if r.code != 1 || !strings.Contains(r.stderr, "no DaemonSet yet at 2020-01-01T00:00:00Z") {
		t.Errorf("exit code %d, stderr %s", r.code, r.stderr)
	}
}

// A dump may come in several files and from stdin; each way gives the same answer.
func TestExplainReadsWhatKubectlWrites(t *testing.T) {
	whole, err := os.ReadFile(typo)
	if err != nil {
		t.Fatal(err)
	}
	want := daemongate(t, "", "explain", "-f", typo).stdout
	if got := daemongate(t, string(whole), "explain", "-f", "-").stdout; got != want {
		t.Errorf("from stdin:\n%s", got)
	}
	dir := t.TempDir()
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(whole, &list); err != nil {
		t.Fatal(err)
	}
	args := []string{"explain", "-f"}
	for i, item := range list.Items {
		name := filepath.Join(dir, string(rune('a'+i/26))+string(rune('a'+i%26))+".json")
		gittest.Write(t, name, string(item))
		args = append(args, name)
	}
	if got := daemongate(t, "", args...).stdout; got != want {
		t.Errorf("from a file per object:\n%s", got)
	}
}

// Of several DaemonSets one can be asked for, by its name with or without the namespace.
func TestExplainOneDaemonSet(t *testing.T) {
	name := func(r result) string { return strings.SplitN(r.stdout, "\n", 2)[0] }
	for _, only := range []string{"agent", "f-fleet-typo/agent"} {
		if r := daemongate(t, "", "explain", "-f", typo, "--daemonset",
			only); name(r) != "DaemonSet f-fleet-typo/agent" {
			t.Errorf("%s: %s%s", only, r.stdout, r.stderr)
		}
	}
	r := daemongate(t, "", "explain", "-f", typo, "--daemonset", "agnet")
	if r.code != 1 || !strings.Contains(r.stderr, "DaemonSet agnet: not in the dump, which has f-fleet-typo/agent") {
		t.Errorf("exit code %d, stderr %s", r.code, r.stderr)
	}
}

// What cannot be read exits 1 and names the file.
func TestExplainNamesTheBadFile(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	gittest.Write(t, bad, `{"kind": "List", "items": [{"kind": `)
	for _, args := range [][]string{{bad}, {"/nowhere/dump.json"}, {typo, bad}} {
		r := daemongate(t, "", append([]string{"explain", "-f"}, args...)...)
		if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, args[len(args)-1]) {
			t.Errorf("%v: exit code %d, stderr %s", args, r.code, r.stderr)
		}
	}
	if r := daemongate(t, "{}", "explain", "-f", "-", "-f", "-"); r.code != 1 ||
		!strings.Contains(r.stderr, "given twice") {
		t.Errorf("stdin twice: exit code %d, stderr %s", r.code, r.stderr)
	}
}
