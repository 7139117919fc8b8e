package sync

import (
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The render knows the namespace that the set is moved to: what refers to its objects has to follow.
func TestTheRenderKnowsTheTargetNamespace(t *testing.T) {
	s := &api.Sync{}
	s.Spec.Apply.TargetNamespace = "agents"
	if o, err := RenderOptions(s); err != nil || o.Namespace != "agents" {
		t.Errorf("%+v %v", o, err)
	}
}
