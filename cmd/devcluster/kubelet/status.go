package kubelet

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TroubleCondition stands in the status of a pod that is played by this package and not by KWOK's Stages; its reason is
// the behaviour.
const TroubleCondition corev1.PodConditionType = "devcluster.daemongate.io/Trouble"

// admitted is the first status that a kubelet writes: nothing has started.
func admitted(pod *corev1.Pod, hostIP string, now time.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	start := metav1.NewTime(now)
	status.Phase, status.StartTime, status.ObservedGeneration = corev1.PodPending, &start, pod.Generation
	if hostIP != "" {
		status.HostIP, status.HostIPs = hostIP, []corev1.HostIP{{IP: hostIP}}
	}
	reason := "ContainerCreating"
	if len(pod.Spec.InitContainers) > 0 {
		reason = "PodInitializing"
	}
	status.InitContainerStatuses = waiting(pod.Spec.InitContainers, reason)
	status.ContainerStatuses = waiting(pod.Spec.Containers, reason)
	setCondition(&status, corev1.PodReadyToStartContainers, false, "PodSandboxNotReady", "no pod sandbox exists", now)
	conclude(&status, now)
	return status
}

func waiting(containers []corev1.Container, reason string) []corev1.ContainerStatus {
	var all []corev1.ContainerStatus
	for _, c := range containers {
		all = append(all, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Started: new(bool),
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
		})
	}
	return all
}

// conclude derives the phase and the conditions from the containers, as a kubelet does.
func conclude(status *corev1.PodStatus, now time.Time) {
	var unready, uninitialized []string
	started := false
	for _, c := range status.InitContainerStatuses {
		if !c.Ready {
			uninitialized = append(uninitialized, c.Name)
		}
	}
	for _, c := range status.ContainerStatuses {
		if !c.Ready {
			unready = append(unready, c.Name)
		}
		started = started || c.State.Waiting == nil || c.RestartCount > 0
	}
	if started && status.Phase == corev1.PodPending {
		status.Phase = corev1.PodRunning
	}
	// Once a pod is initialized it stays that, also when a restart rule has its init containers run anew.
	if len(uninitialized) > 0 && !slices.ContainsFunc(status.Conditions, initialized) {
		setCondition(status, corev1.PodInitialized, false, "ContainersNotInitialized",
			named("incomplete", uninitialized), now)
	} else {
		setCondition(status, corev1.PodInitialized, true, "", "", now)
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReady, corev1.ContainersReady} {
		if len(unready) > 0 {
			setCondition(status, kind, false, "ContainersNotReady", named("unready", unready), now)
		} else {
			setCondition(status, kind, true, "", "", now)
		}
	}
}

func initialized(c corev1.PodCondition) bool {
	return c.Type == corev1.PodInitialized && c.Status == corev1.ConditionTrue
}

func named(what string, containers []string) string {
	return fmt.Sprintf("containers with %s status: [%s]", what, strings.Join(containers, " "))
}

// setCondition moves the transition time only if the status changes.
func setCondition(status *corev1.PodStatus, kind corev1.PodConditionType, is bool, reason, message string,
	now time.Time) {
	next := corev1.PodCondition{
		Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message,
		ObservedGeneration: status.ObservedGeneration, LastTransitionTime: metav1.NewTime(now),
	}
	if is {
		next.Status = corev1.ConditionTrue
	}
	for i, old := range status.Conditions {
		if old.Type == kind {
			if old.Status == next.Status {
				next.LastTransitionTime = old.LastTransitionTime
			}
			status.Conditions[i] = next
			return
		}
	}
	status.Conditions = append(status.Conditions, next)
}

// run makes a container a running one. A container that has run before counts a restart.
func run(c *corev1.ContainerStatus, now time.Time) {
	if ended := c.State.Terminated; ended != nil {
		c.LastTerminationState = corev1.ContainerState{Terminated: ended}
	}
	if c.ContainerID != "" {
		c.RestartCount++
	}
	c.ContainerID, c.ImageID = newContainerID(), imageID(c.Image)
	c.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
}

// end makes a running container an ended one; one that does not run stays as it is.
func end(c *corev1.ContainerStatus, how corev1.ContainerStateTerminated, now time.Time) {
	if c.State.Running == nil {
		return
	}
	how.ContainerID, how.StartedAt, how.FinishedAt = c.ContainerID, c.State.Running.StartedAt, metav1.NewTime(now)
	c.State = corev1.ContainerState{Terminated: &how}
	c.Ready, c.Started = false, new(bool)
}

// wait makes a container a waiting one; how it ended last stays to be seen.
func wait(c *corev1.ContainerStatus, reason, message string) {
	if ended := c.State.Terminated; ended != nil {
		c.LastTerminationState = corev1.ContainerState{Terminated: ended}
	}
	c.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	c.Ready, c.Started = false, new(bool)
}

func newContainerID() string {
	var id [32]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return "containerd://" + hex.EncodeToString(id[:])
}

func imageID(image string) string {
	sum := sha256.Sum256([]byte(image))
	return "sha256:" + hex.EncodeToString(sum[:])
}
