package judge

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/report"
)

// dumpFile is a dump of testdata/dumps: what kubectl printed of a failure on real kubelets, trimmed, together with what
// happened and what must be said of it. To add a failure, put such a file there and run
// `go test ./rollout/judge -run TestVerdictsPage -update`.
type dumpFile struct {
	name string
	raw  []byte
	// Title is what happened, in a few words.
	Title string
	// At is when the dump is looked at; if it is zero, as of the newest thing in it.
	At time.Time
	// Want is what is said of the DaemonSet of that name, or of the only one.
	Want struct {
		Name    string
		Verdict rollout.Verdict
		Cause   rollout.Code
		Nodes   string
		Says    []string // in the message
		Advises []string // in the remedy
		Never   []string // in neither
	}
}

func readDumpFiles(t testing.TB) []dumpFile {
	t.Helper()
	files, err := filepath.Glob("testdata/dumps/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dumps: %v", err)
	}
	var all []dumpFile
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := dumpFile{name: strings.TrimSuffix(filepath.Base(file), ".json"), raw: raw}
		if err := json.Unmarshal(raw, &d); err != nil || d.Title == "" || d.Want.Verdict == "" {
			t.Fatalf("%s: no title, or no verdict to want (%v)", file, err)
		}
		all = append(all, d)
	}
	return all
}

// judged is the DaemonSet that the dump is about, as explain -f judges it.
func (d dumpFile) judged(t testing.TB) (dump.Dumped, rollout.Judgement) {
	t.Helper()
	read, err := dump.Read(d.At, dump.File{Name: d.name, Reader: bytes.NewReader(d.raw)})
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range read.DaemonSets {
		if d.Want.Name == "" || found.Target.Name == d.Want.Name {
			j, _ := bothWays(found.Look, found.Target, rollout.Memory{}, rollout.Options{})
			return found, j
		}
	}
	t.Fatalf("%s: no DaemonSet %s", d.name, d.Want.Name)
	return dump.Dumped{}, rollout.Judgement{}
}

// Every dump of a failure on real kubelets is explained rightly, from the whole of it and from what the Observer keeps
// of it, and it is told in words.
func TestEveryDumpedFailureIsExplained(t *testing.T) {
	for _, d := range readDumpFiles(t) {
		t.Run(d.name, func(t *testing.T) {
			found, j := d.judged(t)
			d.check(t, j)
			toldInWords(t, report.Judged{Target: found.Target, Look: found.Look, Judgement: j})
			if kept, _ := bothWays(trimmed(found.Look), found.Target, rollout.Memory{},
				rollout.Options{}); !reflect.DeepEqual(kept, j) {
				t.Errorf("of what is kept:\n%s\nof the whole:\n%s", plain(kept), plain(j))
			}
		})
	}
}

func (d dumpFile) check(t *testing.T, j rollout.Judgement) {
	t.Helper()
	if j.Verdict != d.Want.Verdict {
		t.Fatalf("verdict %s, want %s\n%s", j.Verdict, d.Want.Verdict, plain(j))
	}
	if d.Want.Cause == "" {
		return
	}
	if len(j.Causes) == 0 || j.Causes[0].Code != d.Want.Cause {
		t.Fatalf("want cause %s\n%s", d.Want.Cause, plain(j))
	}
	c := j.Causes[0]
	if nodes := strings.Join(c.Nodes, " "); d.Want.Nodes != "" && nodes != d.Want.Nodes {
		t.Errorf("nodes %q, want %q", nodes, d.Want.Nodes)
	}
	for _, said := range d.Want.Says {
		if !strings.Contains(c.Message, said) {
			t.Errorf("the message lacks %q: %s", said, c.Message)
		}
	}
	for _, advised := range d.Want.Advises {
		if !strings.Contains(c.Remedy, advised) {
			t.Errorf("the remedy lacks %q: %s", advised, c.Remedy)
		}
	}
	for _, wrong := range d.Want.Never {
		if strings.Contains(c.Message+c.Remedy, wrong) {
			t.Errorf("%q misleads: %s\n%s", wrong, c.Message, c.Remedy)
		}
	}
}
