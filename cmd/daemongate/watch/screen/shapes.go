package screen

import (
	"strings"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// The colours that the signs of nodes and commits have here, as they stand in an SGR sequence.
var (
	nodeColours = map[rollout.NodeState]string{rollout.IsLost: "1;35", rollout.IsFailing: "1;31",
		rollout.IsMissing: "33", rollout.IsFailingBefore: "31", rollout.IsAbsent: "90", rollout.IsUpdated: "36",
		rollout.IsLate: "34", rollout.IsSettled: "32"}
	commitColours = map[api.CommitState]string{api.Applying: "1;36", api.RollingOut: "1;36", api.Complete: "32",
		api.Stuck: "1;31", api.Failed: "31", api.Unchanged: "90", api.Carried: "90", api.Dropped: "90"}
)

// canvas is what there is to draw on.
type canvas struct {
	width, height int
	ascii         bool // there are no other shapes
}

// draw is the shape of a sign.
func (c canvas) draw(s view.Sign) string {
	if c.ascii {
		return s.ASCII
	}
	return s.Shape
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
