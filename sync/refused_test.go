package sync

import (
	"errors"
	"fmt"
	"testing"

	"github.com/daemongate/daemongate/manifests"
)

// What the cluster says of a set that it refuses stays in the cluster; the host learns of which objects it says so.
func TestARefusalIsToldWithoutTheClustersWords(t *testing.T) {
	id := manifests.ID{Group: "apps", Kind: "DaemonSet", Namespace: "platform", Name: "agent"}
	rejected := &manifests.Rejected{Object: id, Reason: manifests.ReasonDenied, Message: "webhook of team-x: s3cret"}
	conflict := &manifests.Conflict{Object: id, Manager: "ada", Fields: []string{"spec.x"}}
	for want, err := range map[string]error{
		"the cluster refuses " + id.String() + " (Denied)":   fmt.Errorf("dry run: %w", rejected),
		"the cluster refuses " + id.String() + " (Conflict)": conflict,
		"the cluster refuses " + id.String() + " (Denied) and 1 more": errors.Join(rejected,
			errors.Join(errors.New("timeout"), conflict)),
		"the cluster refuses the set": errors.New("s3cret"),
	} {
		if got := refusedWords(err); string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
