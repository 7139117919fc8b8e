// Package stop is the stop switch: while it is on, every Sync of an installation is suspended, whatever its own spec
// says. The switch is a ConfigMap beside the controller's Lease, so that every controller that may come to hold that
// Lease obeys the same one.
package stop

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The keys of the ConfigMap. While there is one it is on, unless its key suspended says false.
const (
	keySuspended = "suspended"
	keyBy        = "by"
	keyReason    = "reason"
)

// off is what the key suspended says of a switch that is off.
const off = "false"

// State is what the switch says.
type State struct {
	// On says that every Sync is suspended.
	On bool
	// Unread says why nobody knows; empty if it is known.
	Unread string
	// Since is when it was turned on or off, and Manager the field manager that did so, by the API server's record.
	Since   time.Time
	Manager string
	// By and Why are who did so and for what, as the client says.
	By, Why string
}

// stateOf is what a ConfigMap says, nil if there is none.
func stateOf(m *corev1.ConfigMap) State {
	if m == nil {
		return State{}
	}
	s := State{On: m.Data[keySuspended] != off, Since: m.CreationTimestamp.Time, By: m.Data[keyBy],
		Why: strings.Join(strings.Fields(m.Data[keyReason]), " ")}
	if wrote := lastWriter(m.ManagedFields); wrote != nil {
		s.Manager = wrote.Manager
		if wrote.Time != nil {
			s.Since = wrote.Time.Time
		}
	}
	return s
}

// lastWriter is the record of who wrote the key suspended last, or of who wrote at all if nobody wrote that one.
func lastWriter(entries []metav1.ManagedFieldsEntry) *metav1.ManagedFieldsEntry {
	var newest *metav1.ManagedFieldsEntry
	decides := false
	for i := range entries {
		e := &entries[i]
		wrote := wroteSwitch(e)
		if newest == nil || wrote && !decides || wrote == decides && !e.Time.Before(newest.Time) {
			newest, decides = e, wrote
		}
	}
	return newest
}

func wroteSwitch(e *metav1.ManagedFieldsEntry) bool {
	var fields struct {
		Data map[string]json.RawMessage `json:"f:data"`
	}
	if e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	_, wrote := fields.Data["f:"+keySuspended]
	return wrote
}

// Reason is that of the condition Suspended; empty if the switch suspends nobody. As long as nobody knows it suspends
// everybody.
func (s State) Reason() string {
	switch {
	case s.Unread != "":
		return api.ReasonStopUnread
	case s.On:
		return api.ReasonStoppedForAll
	}
	return ""
}

// Obstacle says why all Syncs are suspended; empty if they are not.
func (s State) Obstacle() string {
	if s.Reason() == "" {
		return ""
	}
	return s.Text()
}

// Text says what the switch says, since when and by whom; empty of one that nobody has ever turned.
func (s State) Text() string {
	switch {
	case s.Unread != "":
		return "it is not known whether all Syncs are suspended, so they are: " + s.Unread
	case s.On:
		return "all Syncs are suspended since " + s.turned()
	case s.Since.IsZero():
		return ""
	}
	return "the suspension of all Syncs was lifted at " + s.turned()
}

// turned says when it was turned, and who did so.
func (s State) turned() string {
	who := "who did so does not say who that is"
	if s.By != "" {
		who = "who did so says to be " + s.By
	}
	if s.Manager != "" {
		who += fmt.Sprintf(" (field manager %s)", s.Manager)
	}
	text := fmt.Sprintf("%s: %s", s.Since.UTC().Format(time.RFC3339), who)
	if s.Why != "" {
		text += ": " + s.Why
	}
	return text
}
