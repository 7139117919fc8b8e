package watch

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"github.com/daemongate/daemongate/cmd/daemongate/watch/screen"
	"github.com/daemongate/daemongate/sync/view"
)

// wantsLines reports whether lines are to be appended: who asks for them, or reads the output with something that a
// screen is no use to.
func wantsLines(o *options, out io.Writer, env func(string) string) bool {
	f, file := out.(*os.File)
	return o.plain || !file || !term.IsTerminal(int(f.Fd())) || env("TERM") == "dumb" || env("ACCESSIBLE") != ""
}

// wantsASCII reports whether the locale has no others than ASCII characters.
func wantsASCII(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(env(name)); locale != "" {
			return !strings.Contains(locale, "utf-8") && !strings.Contains(locale, "utf8")
		}
	}
	return false
}

// shell has the screen drawn, and does what it asks for.
type shell struct {
	ctx    context.Context
	looker *looker
	screen *screen.Model
	seen   view.Seen
	last   time.Time // when something was seen
	failed error     // why nothing was ever seen
	// comparing is set while the cluster is asked for a diff.
	comparing bool
}

// What the shell is told: what was seen, that nothing could be, what became of what was asked for, a diff, and that
// it is time.
type (
	seenMsg struct {
		seen view.Seen
		view view.View
	}
	lostMsg     struct{ err error }
	toldMsg     string
	comparedMsg string
	dueMsg      struct{}
)

// thrift is how much of the live heap may be garbage, in percent, before it is collected. A look at a large fleet
// leaves much of it behind; the memory of a laptop is worth more than the hundredth of a core that this takes.
const thrift = 40

// fullScreen shows the Sync until the user has had enough.
func fullScreen(ctx context.Context, l *looker, ascii bool, options ...tea.ProgramOption) error {
	defer debug.SetGCPercent(debug.SetGCPercent(thrift))
	looking, leave := context.WithCancel(ctx)
	defer leave() // a look that is on its way ends with the screen
	s := &shell{ctx: looking, looker: l, screen: screen.New(ascii)}
	_, err := tea.NewProgram(s, append(options, tea.WithContext(ctx), tea.WithFPS(10))...).Run()
	if s.failed != nil {
		return s.failed
	}
	if ctx.Err() != nil {
		return nil // somebody has ended it
	}
	return err
}

// Init takes the first look.
func (s *shell) Init() tea.Cmd { return s.look }

func (s *shell) look() tea.Msg {
	seen, err := s.looker.look(s.ctx)
	if err != nil {
		return lostMsg{err}
	}
	return seenMsg{seen, view.Of(seen)}
}

// Update takes what has happened.
func (s *shell) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.screen.Resize(msg.Width, msg.Height)
	case tea.KeyPressMsg:
		return s, s.do(s.screen.Key(msg.String()))
	case seenMsg:
		s.seen, s.last = msg.seen, time.Now()
		var offer screen.Offer
		commit, state := s.looker.reach.Released(&msg.seen.Sync.Status)
		offer.Release, offer.Is = commit, string(state)
		s.screen.See(&msg.view, offer)
		return s, pause
	case lostMsg:
		if s.last.IsZero() {
			s.failed = msg.err
			return s, tea.Quit
		}
		s.screen.Lose(s.last, time.Now(), msg.err)
		return s, pause
	case toldMsg:
		s.screen.Tell(string(msg))
	case comparedMsg:
		s.comparing = false
		s.screen.Show("diff", string(msg))
	case dueMsg:
		return s, s.look
	}
	return s, nil
}

func pause() tea.Msg {
	time.Sleep(lookPause)
	return dueMsg{}
}

// View is the whole screen.
func (s *shell) View() tea.View {
	v := tea.NewView(s.screen.Frame())
	v.AltScreen = true
	return v
}
