package screen

import (
	"strings"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// sign is how a class of nodes, or a state of commits, is shown: shape and colour both carry it, so that neither is
// needed. The colour is what stands in an SGR sequence.
type sign struct{ shape, ascii, colour, words string }

var nodeSigns = map[rollout.NodeState]sign{
	rollout.IsLost:          {"?", "?", "1;35", "lost"},
	rollout.IsFailing:       {"✗", "X", "1;31", "failing"},
	rollout.IsMissing:       {"○", "o", "33", "without a pod"},
	rollout.IsFailingBefore: {"!", "!", "31", "failing before"},
	rollout.IsAbsent:        {"-", "-", "90", "absent"},
	rollout.IsUpdated:       {"▪", "n", "36", "new pod"},
	rollout.IsOld:           {"·", ".", "", "old pod"},
	rollout.IsLate:          {"+", "+", "34", "late"},
	rollout.IsSettled:       {"■", "#", "32", "settled"},
}

var commitSigns = map[api.CommitState]sign{
	api.Held:       {"…", ".", "", "held"},
	api.Applying:   {"▶", ">", "1;36", "applying"},
	api.RollingOut: {"▶", ">", "1;36", "rolling"},
	api.Complete:   {"✓", "v", "32", "complete"},
	api.Stuck:      {"✗", "X", "1;31", "stuck"},
	api.Failed:     {"!", "!", "31", "failed"},
	api.Unchanged:  {"=", "=", "90", "unchanged"},
	api.Carried:    {"↑", "^", "90", "carried"},
	api.Dropped:    {"-", "-", "90", "dropped"},
}

// canvas is what there is to draw on.
type canvas struct {
	width, height int
	ascii         bool // there are no other shapes
}

// draw is the shape of a sign.
func (c canvas) draw(s sign) string {
	if c.ascii {
		return s.ascii
	}
	return s.shape
}

// paint colours a text.
func paint(colour, text string) string {
	if colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[m"
}

// brush writes shapes of which neighbours mostly have the same colour.
type brush struct {
	strings.Builder
	colour string
}

func (b *brush) put(colour, text string) {
	if colour != b.colour {
		if b.colour != "" {
			b.WriteString("\x1b[m")
		}
		if colour != "" {
			b.WriteString("\x1b[" + colour + "m")
		}
		b.colour = colour
	}
	b.WriteString(text)
}

// done returns what was written, without a colour that goes on.
func (b *brush) done() string {
	b.put("", "")
	return b.String()
}
