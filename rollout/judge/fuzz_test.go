package judge

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
)

// FuzzWhatTheKubeletSays holds that no wording of a kubelet, scheduler or controller, and no figure, makes Judge panic,
// or say Complete of a pod whose container is not running.
func FuzzWhatTheKubeletSays(f *testing.F) {
	for _, seed := range []struct{ reason, message, event, text string }{
		{"ErrImagePull", `rpc error: code = NotFound desc = failed to pull and unpack image "a:b": not found`, "Failed",
			`Failed to pull image "a:b"`},
		{"CrashLoopBackOff", "back-off 10s restarting failed container", "Killing",
			"Container agent failed liveness probe, will be restarted"},
		{"ContainerCreating", "", "FailedMount", `MountVolume.SetUp failed for volume "v" : secret "s" not found`},
		{"", "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match. preemption: none.", "FailedCreate",
			`Error creating: pods "x" is forbidden: exceeded quota: q, requested: pods=1`},
		{"InvalidImageName", "couldn't parse image name: must be lowercase", "FailedDaemonPod",
			"Found failed daemon pod a/b on node node-1, will try to kill it"},
		{"RunContainerError", "exec: no such file", "Unhealthy", "Readiness probe failed: "},
	} {
		f.Add(seed.reason, seed.message, seed.event, seed.text, int32(1), int32(2), int64(30), "unexpected")
	}
	f.Fuzz(func(t *testing.T, reason, message, event, text string, code, restarts int32, seconds int64, why string) {
		s, p := newFleet(t, 2).image("v2"), (*corev1.Pod)(nil)
		p = s.replace("node-1")
		s.ends(s.runs(p), code, why)
		p.Status.ContainerStatuses[0].RestartCount = restarts
		p.Status.ContainerStatuses[0].State.Terminated.Message = message
		s.waits(p, reason, message)
		s.event(p, "Pod", event, text)
		s.event(s.ds, "DaemonSet", event, text)
		q := s.newPod("node-2")
		s.pending(q, message)
		at := metav1.NewTime(s.now.Add(time.Duration(seconds)))
		p.Status.StartTime, q.DeletionTimestamp, q.DeletionGracePeriodSeconds = &at, &at, &seconds
		s.options.After = map[rollout.Code]time.Duration{rollout.Code(why): time.Duration(seconds)}
		for range 3 {
			j := s.after(time.Duration(seconds) % time.Hour).judge()
			if r := report.New(report.Judged{Target: s.target, Look: s.look(), Judgement: j}); r.Text() == "" ||
				j.Verdict == rollout.Complete {
				t.Errorf("%s", plain(j))
			}
			_ = report.Summarize([]rollout.Judgement{j})
		}
	})
}
