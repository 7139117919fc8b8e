package kubelet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// recording is what three real kubelets did (Kubernetes 1.37.2, containerd), looked at about every second.
type recording struct {
	Snapshots []struct {
		Time time.Time    `json:"time"`
		Pods []corev1.Pod `json:"pods"`
	} `json:"snapshots"`
	Events []corev1.Event `json:"events"`
}

func readRecording(t *testing.T, scenario string) recording {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", scenario+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// pod is the recorded one as it was when its kubelet first saw it.
func (r recording) pod() *corev1.Pod {
	pod := r.Snapshots[0].Pods[0].DeepCopy()
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
	}}
	return pod
}

// looks are the different states of the pod's first container that is not well, since the pod was admitted.
func (r recording) looks() []look {
	var all []look
	start := r.Snapshots[0].Pods[0].Status.StartTime.Time
	for _, s := range r.Snapshots {
		if len(s.Pods) > 0 {
			all = appendLook(all, look{s.Time.Sub(start), stateOf(&s.Pods[0].Status)})
		}
	}
	return all
}

// look is how a pod looked from a moment on.
type look struct {
	at    time.Duration
	state string
}

func appendLook(all []look, next look) []look {
	if len(all) > 0 && all[len(all)-1].state == next.state {
		return all
	}
	return append(all, next)
}

// stateOf writes what a person would look at: the phase, Ready, and every container's state, restarts and last end.
func stateOf(status *corev1.PodStatus) string {
	words := []string{string(status.Phase)}
	for _, c := range status.Conditions {
		if c.Type == corev1.PodReady {
			words = append(words, "Ready="+string(c.Status), c.Reason)
		}
		if c.Type == allContainersRestarting && c.Status == corev1.ConditionTrue {
			words = append(words, string(c.Type), c.Reason)
		}
		if c.Type == corev1.PodReadyToStartContainers || c.Type == corev1.PodInitialized {
			words = append(words, fmt.Sprintf("%s=%s", c.Type, c.Status))
		}
	}
	for _, all := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for _, c := range all {
			words = append(words, fmt.Sprintf("| %s ready=%t started=%t restarts=%d %s last=%s",
				c.Name, c.Ready, *c.Started, c.RestartCount, containerState(c.State),
				containerState(c.LastTerminationState)))
		}
	}
	return strings.Join(words, " ")
}

func containerState(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Waiting != nil:
		return "waiting:" + s.Waiting.Reason
	case s.Terminated != nil:
		return fmt.Sprintf("terminated:%s:%d", s.Terminated.Reason, s.Terminated.ExitCode)
	}
	return "-"
}
