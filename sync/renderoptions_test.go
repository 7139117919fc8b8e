package sync

import (
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The render knows the namespace that the set is moved to: what refers to its objects has to follow.
func TestTheRenderKnowsTheTargetNamespace(t *testing.T) {
	s := &api.Sync{}
	s.Spec.Apply.TargetNamespace = "agents"
	if o, _, err := RenderOptions(s); err != nil || o.Namespace != "agents" {
		t.Errorf("%+v %v", o, err)
	}
}

// What a render may take of the machine is read from the spec, and what it can never do with is refused by its field.
func TestTheRendersMemoryIsRead(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1Gi": 1 << 30, "64Mi": 64 << 20, "63Mi": -1, "much": -1,
		"-1": -1} {
		s := &api.Sync{}
		s.Spec.Render.MaxMemory = text
		_, limits, err := RenderOptions(s)
		if want < 0 && (err == nil || !strings.Contains(err.Error(), "spec.render.maxMemory")) {
			t.Errorf("%q: %v", text, err)
		}
		if want >= 0 && (err != nil || limits.Memory != want) {
			t.Errorf("%q: %d bytes, %v", text, limits.Memory, err)
		}
	}
}
