package dump_test

import (
	"encoding/json"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/judge"
	"github.com/daemongate/daemongate/rollout/report"
)

// smallDump is a DaemonSet with one pod on one node, as kubectl prints it.
const smallDump = `{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":""},"items":[
{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"agent","namespace":"platform","uid":"d1","generation":3,"creationTimestamp":"2026-11-20T08:00:00Z"},
 "spec":{"selector":{"matchLabels":{"app":"agent"}},"updateStrategy":{"type":"OnDelete"}},"status":{"currentNumberScheduled":1}},
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"agent-1","namespace":"platform","uid":"p1","creationTimestamp":"2026-11-20T09:00:00Z",
  "deletionTimestamp":"2026-11-20T12:00:00Z","deletionGracePeriodSeconds":7200,
  "ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"agent","uid":"d1","controller":true}]},
 "spec":{"nodeName":"node-1","containers":[{"name":"agent","image":"agent:v1","env":[{"name":"TOKEN","value":"s3cret"}]}]},
 "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-20T09:00:07Z"}],
  "containerStatuses":[{"name":"agent","ready":true,"restartCount":1,"state":{"running":{"startedAt":"2026-11-20T09:00:06Z"}},
   "lastState":{"terminated":{"exitCode":3,"startedAt":"2026-11-20T09:00:02Z","finishedAt":"2026-11-20T09:00:04Z"}}}]}},
{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-1","uid":"n1","creationTimestamp":"2026-11-01T00:00:00Z"},
 "status":{"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-01T00:01:00Z","lastHeartbeatTime":"2026-11-20T10:30:00Z"}]}},
{"apiVersion":"v1","kind":"Event","metadata":{"name":"e1","namespace":"platform","creationTimestamp":"2026-11-20T09:00:02Z"},
 "involvedObject":{"kind":"Pod","namespace":"platform","name":"agent-1","uid":"p1"},"type":"Warning","reason":"BackOff","count":9,
 "firstTimestamp":"2026-11-20T09:00:05Z","lastTimestamp":"2026-11-20T09:10:00Z","message":"Back-off restarting failed container"},
{"apiVersion":"v1","kind":"Secret","metadata":{"name":"token","namespace":"platform"},"data":{"token":"czNjcmV0"}}
]}`

func file(text string) dump.File {
	return dump.File{Name: "dump.json", Reader: strings.NewReader(text)}
}

func readOne(t *testing.T, at time.Time, files ...dump.File) dump.Dumped {
	t.Helper()
	dump, err := dump.Read(at, files...)
	if err != nil {
		t.Fatal(err)
	}
	if len(dump.DaemonSets) != 1 {
		t.Fatalf("%d DaemonSets", len(dump.DaemonSets))
	}
	return dump.DaemonSets[0]
}

// The moment of a dump is the newest thing that has happened in it: an Event here. The heartbeat is a repetition and
// the deletion is still to come.
func TestNowIsTheNewestThingThatHasHappened(t *testing.T) {
	d := readOne(t, time.Time{}, file(smallDump))
	if want := time.Date(2026, 11, 20, 9, 10, 0, 0, time.UTC); !d.Look.Now.Equal(want) {
		t.Errorf("now is %s, want %s", d.Look.Now, want)
	}
}

// The target of a dump is what the DaemonSet asks for in it, in its own strategy; the brake's is not its own.
func TestADumpsTargetIsWhatTheObjectAsksFor(t *testing.T) {
	d := readOne(t, time.Time{}, file(smallDump))
	if d.Target.Namespace != "platform" || d.Target.Name != "agent" || d.Target.UID != "d1" ||
		d.Target.Generation != 3 || !d.Target.OnDelete {
		t.Errorf("target %+v", d.Target)
	}
	braked := strings.Replace(smallDump, `"uid":"d1","generation"`,
		`"annotations":{"daemongate.io/brake":"9f3e2d1 node-1"},"uid":"d1","generation"`, 1)
	if readOne(t, time.Time{}, file(braked)).Target.OnDelete {
		t.Error("the brake's strategy is taken for the commit's")
	}
}

// An earlier moment shows the pod as it was then: its first container was still running, the Event not yet seen.
func TestWhatIsLaterThanNowIsNotLookedAt(t *testing.T) {
	d := readOne(t, time.Date(2026, 11, 20, 9, 0, 3, 0, time.UTC), file(smallDump))
	pod := d.Look.Pods[0]
	c := pod.Status.ContainerStatuses[0]
	if c.Ready || c.State.Running == nil || c.LastTerminationState.Terminated != nil ||
		len(pod.Status.Conditions) > 0 || pod.DeletionTimestamp != nil {
		t.Errorf("pod %+v", pod.Status)
	}
	if len(d.Look.Events) > 0 {
		t.Errorf("events %+v", d.Look.Events)
	}
	if _, err := dump.Read(time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC), file(smallDump)); err == nil ||
		!strings.Contains(err.Error(), "no DaemonSet yet at 2026-11-19") {
		t.Errorf("before the DaemonSet was made: %v", err)
	}
}

// What the dump lacks is named, and is no error.
func TestKindsThatAreMissingAreNamed(t *testing.T) {
	only := `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"agent","namespace":"platform","uid":"d1"},"status":{"currentNumberScheduled":2}}`
	d := readOne(t, time.Time{}, file(only))
	if got := strings.Join(d.Look.Missing, " "); got != "controllerrevisions pods nodes events" {
		t.Errorf("missing: %s", got)
	}
	none := strings.Replace(only, `"currentNumberScheduled":2`, `"currentNumberScheduled":0`, 1)
	if got := strings.Join(readOne(t, time.Time{}, file(none)).Look.Missing, " "); strings.Contains(got, "pods") {
		t.Errorf("missing: %s: but the DaemonSet says that it has no pods", got)
	}
}

// JSON, YAML, several documents, several files, typed lists and single objects all say the same.
func TestEveryFormOfADumpIsRead(t *testing.T) {
	ds := `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"agent","namespace":"platform","uid":"d1"}}`
	pods := `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"agent-1","namespace":"platform","uid":"p1",
		"ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"agent","uid":"d1","controller":true}]}}]}`
	yaml := "# made by hand\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent, namespace: platform, uid: " +
		"d1}\n---\n" + pods + "\n---\n# nothing\n"
	for name, files := range map[string][]dump.File{
		"two files":       {file(ds), file(pods)},
		"one after other": {file(ds + "\n" + pods)},
		"with a BOM":      {file("\ufeff" + ds + pods)},
		"YAML documents":  {file(yaml)},
		"the same twice":  {file(ds + pods), file(ds + pods)},
		"items before all": {file(strings.Replace(smallDump, `"apiVersion":"v1","kind":"List",`, "",
			1)[:len(smallDump)-len(`"apiVersion":"v1","kind":"List",`)-1] + `,"kind":"List"}`)},
	} {
		if d := readOne(t, time.Time{}, files...); len(d.Look.Pods) != 1 || d.Look.Pods[0].Name != "agent-1" {
			t.Errorf("%s: pods %v", name, d.Look.Pods)
		}
	}
}

// Events of the newer API count like those of the older one.
func TestEventsOfTheNewerAPICount(t *testing.T) {
	event := `{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"e2","namespace":"platform"},"eventTime":"2026-11-20T09:20:00.000000Z",
		"regarding":{"kind":"DaemonSet","namespace":"platform","name":"agent","uid":"d1"},"type":"Warning","reason":"FailedCreate","note":"exceeded quota",
		"series":{"count":4,"lastObservedTime":"2026-11-20T09:30:00.000000Z"}}`
	d := readOne(t, time.Time{}, file(smallDump), file(event))
	if len(d.Look.Events) != 2 || d.Look.Events[0].Message != "exceeded quota" || d.Look.Events[0].Series.Count != 4 {
		t.Errorf("events %+v", d.Look.Events)
	}
	if want := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC); !d.Look.Now.Equal(want) {
		t.Errorf("now is %s: the series' last time counts", d.Look.Now)
	}
}

// No secret is held: neither a Secret nor a container's environment.
func TestADumpsSecretsAreNotKept(t *testing.T) {
	d := readOne(t, time.Time{}, file(smallDump))
	if env := d.Look.Pods[0].Spec.Containers[0].Env; len(env) > 0 {
		t.Errorf("environment %v", env)
	}
	broken := strings.Replace(smallDump, `"data":{"token":"czNjcmV0"}`, `"data":"czNjcmV0"`, 1)
	readOne(t, time.Time{}, file(broken)) // not even looked at
}

// Whatever is wrong, the error names the file and the object or the place.
func TestBadDumpsAreRefusedWithTheirPlace(t *testing.T) {
	for input, want := range map[string]string{
		"":                                      "dump.json: is empty",
		"  \n":                                  "dump.json: is empty",
		"{":                                     "dump.json: at byte 1: ends in the middle",
		`{"items":{}}`:                          "dump.json: at byte 10: items is not a list",
		`{"kind":"List","items":[{"kind":"Pod"`: "ends in the middle",
		`{"kind":"List","items":[{"metadata":{}}]}`:            "dump.json: item 1: no kind",
		`{"kind":"List","items":[{"kind":"List","items":[]}]}`: "item 1: a List inside a List",
		`{"kind":"List","items":[{},{}]}`:                      "item 1: no kind",
		`{"kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"},"spec":{"nodeName":7}}]}`: "item 1: Pod b/a: ",
		`{"apiVersion":"v1","kind":"Pod","metadata":{}}`: "no metadata.name",
		`[1]`:                  "document 1: ",
		"a: 1\na: 2\n":         `document 1: yaml: unmarshal errors: line 2: key "a" already set`,
		"kind: Pod\n---\na: [": "document 2: ",
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}`: "dump.json: no DaemonSet in it",
		smallDump + " x": "byte",
	} {
		_, err := dump.Read(time.Time{}, file(input))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "dump.json: ") {
			t.Errorf("%.60q: %v, want %q", input, err, want)
		}
	}
}

// endless never ends, as a device or a wrong pipe.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.text), nil }

// A file that does not end is refused once it is too large, and not read into memory before.
func TestADumpThatIsTooLargeIsRefused(t *testing.T) {
	in := dump.File{Name: "/dev/zero", Reader: io.MultiReader(strings.NewReader("a: "),
		endless{strings.Repeat("b", 64<<10)})}
	if _, err := dump.Read(time.Time{}, in); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Error(err)
	}
}

// FuzzReadDump holds that no input makes explain -f panic, hang, take much memory or answer with nothing.
func FuzzReadDump(f *testing.F) {
	for _, seed := range []string{smallDump, "{}", "kind: List\nitems:\n- {kind: Pod, apiVersion: v1}\n",
		`{"kind":"PodList","apiVersion":"v1","items":[{}]}`,
		"a: &a [b, b]\nc: &c [*a, *a]\nd: [*c, *c]\n",
		`{"kind":"List","items":[{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"e"},"series":null}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		dump, err := dump.Read(time.Time{}, dump.File{Name: "f", Reader: strings.NewReader(string(input))})
		if err == nil && len(dump.DaemonSets) == 0 {
			t.Error("neither an answer nor an error")
		}
		for _, d := range dump.DaemonSets {
			j, m := judge.Rollout(d.Look, d.Target, rollout.Memory{}, rollout.Options{})
			again, _ := judge.Rollout(d.Look, d.Target, m, rollout.Options{})
			for _, j := range []rollout.Judgement{j, again} {
				report := report.New(report.Judged{Target: d.Target, Look: d.Look, Judgement: j})
				if raw, err := json.Marshal(report); err != nil || !utf8.Valid(raw) || report.Text() == "" {
					t.Errorf("%s, %v", raw, err)
				}
			}
		}
		var after runtime.MemStats
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 64<<20+4096*uint64(len(input)) {
			t.Errorf("%d bytes of input took %d of memory", len(input), after.TotalAlloc-before.TotalAlloc)
		}
	})
}

// A dump without disruption budgets may be of a cluster that has none: what is said is true of that one too.
func TestADumpWithoutBudgetsMayHaveThemAll(t *testing.T) {
	items := `{"apiVersion": "v1", "kind": "List", "items": [
		{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "x"}},
		{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "namespace": "y"}}]}`
	c, err := dump.ReadCluster(time.Time{}, dump.File{Name: "dump.json", Reader: strings.NewReader(items)})
	if err != nil {
		t.Fatal(err)
	}
	why, missing := c.Others.Lacks(rollout.KindBudgets)
	if !missing || !strings.Contains(why, "where there are some, kubectl get -A pdb") {
		t.Errorf("%v %q", missing, why)
	}
}
