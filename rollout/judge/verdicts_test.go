package judge

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// verdictsPage is where people read what is said of every failure that the tests play.
const verdictsPage = "../../docs/verdicts.md"

// playedFailure is a failure that a story of this package plays on a fleet of its own.
type playedFailure struct {
	title string
	play  func(t testing.TB) rollout.Judgement
}

var playedFailures []playedFailure

// plays has a failure stand on the page: `var _ = plays("what happened", func(t testing.TB) Judgement { … })`.
func plays(title string, play func(t testing.TB) rollout.Judgement) bool {
	playedFailures = append(playedFailures, playedFailure{title, play})
	return true
}

// verdictRow is one failure as the page tells it.
type verdictRow struct {
	title, origin string
	cause         rollout.Cause
}

// verdictRows are all failures that the tests of this package play, by cause and title.
func verdictRows(t testing.TB) []verdictRow {
	var rows []verdictRow
	add := func(title, origin string, j rollout.Judgement) {
		switch {
		case len(j.Causes) > 0:
			rows = append(rows, verdictRow{title, origin, j.Causes[0]})
		case j.Verdict != rollout.Complete:
			t.Errorf("%s: no cause to tell\n%s", title, plain(j))
		}
	}
	for _, r := range readRecordings(t) {
		if truths[r.name].verdict != rollout.Stuck {
			continue
		}
		last := len(r.Snapshots) - 1
		j, _ := bothWays(r.look(last, 20*time.Minute), r.target(last), rollout.Memory{}, rollout.Options{})
		add(recordedTitles[r.name], "recorded", j)
	}
	for _, d := range readDumpFiles(t) {
		_, j := d.judged(t)
		add(d.Title, "recorded", j)
	}
	for _, p := range playedFailures {
		add(p.title, "played", p.play(t))
	}
	slices.SortFunc(rows, func(a, b verdictRow) int {
		return cmp.Or(cmp.Compare(a.cause.Code, b.cause.Code), strings.Compare(a.title, b.title))
	})
	return rows
}

// The page docs/verdicts.md says what is said: of every failure that the tests play its cause, message and remedy.
func TestVerdictsPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(verdictsHead)
	titles := map[string]bool{}
	for _, row := range verdictRows(t) {
		if row.title == "" || titles[row.title] {
			t.Errorf("a failure of %s without a title of its own: %q", row.cause.Code, row.title)
		}
		titles[row.title] = true
		fmt.Fprintf(&page, "| %s (%s) | [%s](troubleshooting.md#%s) | %s | %s |\n", inCell(row.title), row.origin,
			row.cause.Code,
			strings.ToLower(string(row.cause.Code)), inCell(row.cause.Message), inCell(row.cause.Remedy))
	}
	if *update {
		if err := os.WriteFile(verdictsPage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stands, err := os.ReadFile(verdictsPage)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Split(string(stands), "\n")
	for _, line := range strings.Split(page.String(), "\n") {
		if !slices.Contains(said, line) {
			t.Errorf("%s is out of date: go test ./rollout/judge -run TestVerdictsPage -update writes it; it lacks\n%s",
				verdictsPage, line)
		}
	}
	if string(stands) != page.String() {
		t.Errorf("%s is not what the tests play, or not in their order: go test ./rollout/judge -run TestVerdictsPage "+
			"-update writes it", verdictsPage)
	}
}

// inCell is a text as it can stand in a cell of a table.
func inCell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "\t", " ").Replace(text)
}

const verdictsHead = `# What Daemongate says of a failure

Every failure that the tests play, with the cause, the message and the remedy that a person reads. A *recorded* one
happened on real kubelets and is judged from what kubectl printed of it; a *played* one is told by a story of the tests. The
page is made by the test ` + "`TestVerdictsPage`" + ` and never written by hand: ` +
	"`go test ./rollout/judge -run TestVerdictsPage -update`" + `.

| What happened | Cause | Message | Remedy |
|---|---|---|---|
`

// recordedTitles say what was done in each recorded rollout that fails.
var recordedTitles = map[string]string{
	"image-typo":             "the image's tag does not exist",
	"init-image-typo":        "the tag of an init container's image does not exist",
	"fleet-typo":             "the image's tag does not exist, on a fleet",
	"invalid-image-name":     "the image's repository is upper case",
	"crash-loop":             "the agent exits with 3 soon after it started",
	"fleet-crash-flap":       "the agent exits with 3, on a fleet without minReadySeconds",
	"fleet-crash-minready":   "the agent exits with 3, on a fleet with minReadySeconds",
	"readiness-fails":        "the readiness probe asks a closed port",
	"startup-fails":          "the startup probe asks a closed port",
	"missing-configmap-env":  "a ConfigMap that the environment needs is missing",
	"missing-secret-volume":  "a Secret that a volume needs is missing",
	"insufficient-cpu":       "the agent asks for more cpu than the node has",
	"fleet-one-node-full":    "one node of a fleet is full",
	"missing-serviceaccount": "the ServiceAccount is missing",
	"fleet-quota":            "a quota is exceeded",
	"fleet-selector-to-none": "the nodeSelector matches no node any more",
	"fleet-node-dies-plain":  "a node died before the commit, its pod spends maxUnavailable",
}
