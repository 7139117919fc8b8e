package sync

import (
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// heard is a Teller that notes warnings.
type heard struct {
	teller
	warnings []string
}

func (h *heard) Tell(_ *api.Sync, n News) { h.warnings = append(h.warnings, n.Message.Private) }

// What a commit no longer asks for and is kept is told once, with the reason. What is somebody else's by now leaves the
// inventory; what a person may yet let go stays in it.
func TestWhatAPruneKeepsIsTold(t *testing.T) {
	h := &heard{teller: teller{t}}
	c := &Controller{Teller: h, Now: time.Now}
	others := manifests.Kept{Entry: manifests.Entry{ID: manifests.ID{Kind: "ConfigMap", Namespace: "ns",
		Name: "others"}, UID: "1"},
		Reason: "is another object of the same name"}
	data := manifests.Kept{Entry: manifests.Entry{ID: manifests.ID{Kind: "Namespace", Name: "data"}, UID: "2"},
		Reason: "is deleted only if it is annotated", Ours: true}
	l := &syncLoop{placed: placed{Controller: c}, sync: &api.Sync{}}
	for range 2 {
		l.tellKept([]manifests.Kept{others, data})
	}
	if len(h.warnings) != 2 || !strings.Contains(h.warnings[0],
		"ConfigMap ns/others is not deleted although Git no longer asks for it: is another object") {
		t.Errorf("told %q", h.warnings)
	}
	state, _ := gate.Gate{}.Step(gate.State{Inventory: entriesOf(manifests.Inventory{others.Entry, data.Entry})},
		gate.Observation{Recorded: l.recorded})
	if len(state.Inventory) != 1 || state.Inventory[0].Name != "data" {
		t.Errorf("the inventory has %+v", state.Inventory)
	}
}
