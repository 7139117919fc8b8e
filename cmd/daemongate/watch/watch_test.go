package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// server is an API server with one Sync.
type server struct {
	*httptest.Server

	mu      sync.Mutex
	down    bool
	sync    api.Sync
	patches []string
	// mayCompare is closed when a diff may end.
	mayCompare chan struct{}
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{mayCompare: make(chan struct{})}
	s.sync = api.Sync{TypeMeta: metav1.TypeMeta{APIVersion: api.GroupVersion.String(), Kind: api.Kind.Kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.sync.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.RollingOut}
	s.sync.Status.InFlight = &api.Flight{Commit: strings.Repeat("b", 40), State: api.RollingOut,
		Since: metav1.NowMicro(), Workloads: []api.Workload{{Kind: "DaemonSet", Group: "apps", Name: "agent"}}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodPatch {
		patch, _ := io.ReadAll(r.Body)
		s.patches = append(s.patches, string(patch))
		_ = json.Unmarshal(patch, &s.sync)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(&s.sync)
}

func (s *server) change(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) patched() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.patches, "\n")
}

// reach leads to the server, with three nodes of which one fails.
func (s *server) reach() Reach {
	return Reach{
		Connect:  func() (*rest.Config, string, error) { return &rest.Config{Host: s.URL, QPS: -1}, "platform", nil },
		Follow:   func(*rest.Config, *api.Sync) (follow.Follower, error) { return threeNodes{}, nil },
		Released: func(*api.SyncStatus) (string, api.CommitState) { return strings.Repeat("b", 40), api.Stuck },
		Diff: func(_ context.Context, _ string, out, notes io.Writer) error {
			<-s.mayCompare
			_, _ = fmt.Fprintln(notes, "prune: ConfigMap platform/old")
			_, err := fmt.Fprintln(out, "+  image: agent:v2")
			return err
		},
		User:    func(context.Context) string { return "ada" },
		History: func(w io.Writer, _ []api.Record) error { _, err := io.WriteString(w, "COMMIT  STATE"); return err },
	}
}

type threeNodes struct{}

func (threeNodes) Stop()                 {}
func (threeNodes) News() <-chan struct{} { return nil }
func (threeNodes) Now() time.Time        { return time.Now() }

func (threeNodes) Judge(context.Context) ([]report.Judged, error) {
	j := rollout.Judgement{Verdict: rollout.Progressing, Desired: 3, Updated: 2, Settled: 1, Nodes: rollout.NodeList{}.And([]rollout.Node{
		{Name: "node-1", State: rollout.IsSettled}, {Name: "node-2", State: rollout.IsFailing}, {Name: "node-3", State: rollout.IsOld}}),
		Causes: []rollout.Cause{{Code: rollout.CrashLoop, Nodes: []string{"node-2"}, Message: "it ends", Remedy: "Fix it."}}}
	return []report.Judged{{Target: rollout.Target{Namespace: "logging", Name: "agent"}, Judgement: j}}, nil
}

// session is a user before a terminal.
type session struct {
	t *testing.T

	mu       sync.Mutex
	terminal *vt.Emulator // a SafeEmulator hands out its cells, and goes on writing to them
	raw      bytes.Buffer

	keys    *io.PipeWriter
	program chan error
}

// Write is what a terminal that was not made raw does: without a terminal to read from, bubbletea counts on that, and
// writes line feeds without carriage returns.
func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw.Write(p)
	_, err := s.terminal.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
	return len(p), err
}

func open(t *testing.T, s *server, environment ...string) *session {
	t.Helper()
	l, err := newLooker(s.reach(), "agents")
	if err != nil {
		t.Fatal(err)
	}
	in, keys := io.Pipe()
	u := &session{t: t, terminal: vt.NewEmulator(80, 24), keys: keys, program: make(chan error, 1)}
	go func() { _, _ = io.Copy(io.Discard, u.terminal) }() // its answers to questions about it
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.stop() })
	go func() {
		u.program <- fullScreen(ctx, l, false, tea.WithInput(in), tea.WithOutput(u), tea.WithWindowSize(80, 24),
			tea.WithEnvironment(append([]string{"TERM=xterm-256color", "TTY_FORCE=1"}, environment...)))
	}()
	return u
}

// screen is what stands on the terminal.
func (s *session) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for y := range s.terminal.Height() {
		for x := range s.terminal.Width() {
			if c := s.terminal.CellAt(x, y); c != nil {
				b.WriteString(c.Content)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// colour is that of the first cell with a content.
func (s *session) colour(content string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	for y := range s.terminal.Height() {
		for x := range s.terminal.Width() {
			if c := s.terminal.CellAt(x, y); c != nil && c.Content == content {
				return c.Style.Fg
			}
		}
	}
	return nil
}

// until waits for a text to stand on the screen, or with a ! before it, to be gone.
func (s *session) until(text string) {
	s.t.Helper()
	what, gone := strings.CutPrefix(text, "!")
	for end := time.Now().Add(5 * time.Minute); strings.Contains(s.screen(), what) == gone; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited for %q, on the screen is\n%s", text, s.screen())
		}
	}
}

func (s *session) press(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) end() {
	s.t.Helper()
	select {
	case err := <-s.program:
		if err != nil {
			s.t.Error(err)
		}
	case <-time.After(5 * time.Minute):
		s.t.Fatal("it does not end")
	}
}

// A person looks at the causes, the explanation and the log, suspends the Sync after having been asked, loses the API
// server, has it back, and leaves.
func TestASessionBeforeATerminal(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := open(t, s)
	u.until("CrashLoop on node-2 of DaemonSet logging/agent")
	u.until("✗ node-2")
	u.press("e")
	u.until("Fix it.")
	u.press("x")
	u.until("3 nodes")
	u.press("l")
	u.until("COMMIT  STATE")
	u.press("x")
	u.until("3 nodes")
	u.press("dd") // a second one does not begin beside the first
	u.until("asking the cluster what the newest commit would change")
	close(s.mayCompare)
	u.until("+  image: agent:v2")
	u.until("prune: ConfigMap platform/old")
	u.press("x")
	u.until("3 nodes")
	u.press("p")
	u.until("Suspend platform/agents")
	if p := s.patched(); p != "" {
		t.Errorf("written before the answer: %s", p)
	}
	u.press("n")
	u.until("nothing was done")
	u.press("py")
	u.until("suspended: nothing is polled or applied")
	u.press("r")
	u.until("Release bbbbbbb, which is Stuck?")
	u.press("y")
	u.until("released bbbbbbb")
	if p := s.patched(); !strings.Contains(p, `{"spec":{"suspend":true}}`) ||
		!strings.Contains(p, `"daemongate.io/release":"`+strings.Repeat("b", 40)+" ") || strings.Count(p, "\n") != 1 {
		t.Errorf("written:\n%s", p)
	}
	s.change(func() { s.down = true })
	u.until("no answer since")
	u.until("CrashLoop on node-2")
	s.change(func() { s.down = false })
	u.until("!no answer since")
	if fg := u.colour("✗"); fg != ansi.Red {
		t.Errorf("a failing node is %v, not red", fg)
	}
	u.press("q")
	u.end()
}

// A stage waits for an approval: a person gives it after having been asked, pauses the rollout, and lets it go on.
func TestAPersonHasASayInAPacedRollout(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sync.Spec.Rollout.OnDelete = api.OnDeletePace
	s.sync.Spec.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{{Name: "canary", AtMost: 1, Approve: true}}}
	s.sync.Status.InFlight.Stage = &api.FlightStage{Name: "canary", Index: 1, Of: 2, Nodes: 1, Settled: 1,
		Since: metav1.NowMicro(), WaitsFor: api.StageApproval}
	u := open(t, s)
	u.until("1 of 1 node settled")
	u.press("p")
	u.until("Let bbbbbbb go on after stage 1 of 2 (canary)?")
	if p := s.patched(); p != "" {
		t.Errorf("written before the answer: %s", p)
	}
	u.press("y")
	u.until("promoted bbbbbbb: it goes on after stage 1 of 2 (canary)")
	s.change(func() { s.sync.Status.InFlight.Stage.WaitsFor = api.StageNodes })
	u.until("waits for its nodes")
	u.press("p")
	u.until("no stage waits for an approval")
	u.press("Py")
	u.until("paused by ada")
	u.press("P")
	u.until("Let the rollouts of platform/agents go on: paused by ada")
	u.press("y")
	u.until("the rollouts go on")
	u.press("Sn")
	u.until("nothing was done")
	u.press("q")
	u.end()
	all := s.patched()
	for _, want := range []string{`"daemongate.io/promote":"` + strings.Repeat("b", 40) + " 1 ", `"daemongate.io/pause":"{`,
		`"daemongate.io/pause":null`} {
		if !strings.Contains(all, want) {
			t.Errorf("there is no %s in what was written:\n%s", want, all)
		}
	}
}

// With NO_COLOR the same stands there without a colour.
func TestWithoutColours(t *testing.T) {
	t.Parallel()
	u := open(t, newServer(t), "NO_COLOR=1")
	u.until("✗ node-2")
	u.press("q")
	u.end()
	for _, code := range []string{"31m", "32m", "36m"} {
		if bytes.Contains(u.raw.Bytes(), []byte(code)) {
			t.Errorf("there is a colour: %s", code)
		}
	}
}

// A Sync that cannot be read at all is an error, not an empty screen.
func TestASyncThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.change(func() { s.down = true })
	u := open(t, s)
	if err := <-u.program; err == nil || !strings.Contains(err.Error(), "Sync platform/agents") {
		t.Errorf("%v", err)
	}
}

// Lines are appended where a screen is of no use: asked for, into a file, on a dumb terminal, for a screen reader.
func TestWhereLinesAreAppended(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for _, p := range pairs {
				if value, found := strings.CutPrefix(p, name+"="); found {
					return value
				}
			}
			return ""
		}
	}
	if !wantsLines(&options{}, &bytes.Buffer{}, env()) || !wantsLines(&options{plain: true}, &bytes.Buffer{}, env()) {
		t.Error("a buffer is no terminal")
	}
	for locale, want := range map[string]bool{"LANG=C": true, "LANG=de_DE.UTF-8": false, "LC_ALL=POSIX": true, "": false,
		"LC_CTYPE=C.utf8": false} {
		if got := wantsASCII(env(locale)); got != want {
			t.Errorf("%q: ASCII %v", locale, got)
		}
	}
}
