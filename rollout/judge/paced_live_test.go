package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
)

// Who looks at a paced RollingUpdate without knowing of its commit takes it for what it is: it is not complete as long
// as old pods are held back, no deadline counts while they are, and what fails is held against the nodes that were reached.
func TestALivePacedRollingUpdateIsNoOnDelete(t *testing.T) {
	f := newPaced(t, 10, 2)
	f.ds.Annotations = map[string]string{manifests.PacedAnnotation: "9f3e2d1 canary"}
	f.target = rollout.TargetOf(f.ds)
	f.ready(f.pod("node-1"))
	f.ready(f.pod("node-2"))
	f.after(5 * time.Hour)
	j := f.want(rollout.Progressing)
	if !strings.Contains(j.Headline, "is paced: 2 of 10 nodes run a settled new pod, 2 have been reached") {
		t.Error(plain(j))
	}
	f.waits(f.pod("node-2"), "InvalidImageName", "no")
	f.judge()
	f.after(time.Minute)
	f.want(rollout.Stuck, rollout.InvalidImage)

	f.ds.Annotations = nil // a person's OnDelete
	if f.target = rollout.TargetOf(f.ds); f.target.Paced != nil || !f.target.OnDelete {
		t.Errorf("%+v", f.target)
	}
	f.ds.Annotations = map[string]string{manifests.BrakeAnnotation: "9f3e2d1 node-2"}
	if f.target = rollout.TargetOf(f.ds); f.target.Paced != nil || f.target.OnDelete {
		t.Errorf("%+v", f.target)
	}
}
