package kubelet

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// mountVolumes returns once all volumes can be mounted. A kubelet tries again after half a second, then doubles the
// pause up to two minutes, with an Event each time and nothing in the status.
func (s *story) mountVolumes(ctx context.Context) {
	for retry := 500 * time.Millisecond; ctx.Err() == nil; retry = min(2*retry, 122*time.Second) {
		failure := s.missingVolume(ctx)
		if failure == "" {
			return
		}
		s.say(ctx, "", corev1.EventTypeWarning, "FailedMount", failure)
		s.pause(ctx, retry)
	}
}

func (s *story) missingVolume(ctx context.Context) string {
	const failed = "MountVolume.SetUp failed for volume %q : %s"
	if s.trouble.kind == mountFails {
		return fmt.Sprintf(failed, "credentials", `secret "devcluster-missing" not found`)
	}
	for _, o := range needs(&s.pod.Spec) {
		if o.volume != "" && !s.exists(ctx, s.pod.Namespace, o) {
			return fmt.Sprintf(failed, o.volume, o.notFound())
		}
	}
	return ""
}

// makeSandbox returns once the pod has its network.
func (s *story) makeSandbox(ctx context.Context) {
	for s.trouble.kind == sandboxFails && ctx.Err() == nil {
		refusal := sandboxRefusal(s.pod)
		if refusal == "" {
			refusal = "rpc error: code = Unknown desc = failed to setup network for sandbox %q: plugin " +
				"type=\"devcluster-cni\" failed (add): no IP addresses available in range set"
		}
		if strings.Contains(refusal, "%q") {
			refusal = fmt.Sprintf(refusal, newContainerID()[len("containerd://"):])
		}
		s.say(ctx, "", corev1.EventTypeWarning, "FailedCreatePodSandBox", "Failed to create pod sandbox: "+refusal)
		s.pause(ctx, syncPeriod())
	}
	s.status.PodIP = s.ip
	s.status.PodIPs = []corev1.PodIP{{IP: s.ip}}
	setCondition(&s.status, corev1.PodReadyToStartContainers, true, "", "", time.Now())
	s.pause(ctx, 200*time.Millisecond)
	s.show(ctx)
}

// sandboxRefusal is what the container runtime of these nodes says of what a pod asks for, "" if it can do that: it has
// no user namespaces, and needs a mebibyte before a container's first instruction.
func sandboxRefusal(pod *corev1.Pod) string {
	if pod.Spec.HostUsers != nil && !*pod.Spec.HostUsers {
		return "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
	}
	for _, c := range pod.Spec.Containers {
		if limit, set := c.Resources.Limits[corev1.ResourceMemory]; set && limit.Value() < 1<<20 {
			return "rpc error: code = Unknown desc = failed to start sandbox %q: failed to create containerd task: " +
				"failed to create shim task: OCI runtime create failed: runc create failed: unable to start " +
				"container process: container init was OOM-killed (memory limit too low?)"
		}
	}
	return ""
}

// configure returns once the ConfigMaps and Secrets of a container's environment are there.
func (s *story) configure(ctx context.Context, c *corev1.ContainerStatus) {
	for ctx.Err() == nil {
		missing := s.missingConfig(ctx, c.Name)
		if missing == "" {
			return
		}
		s.say(ctx, c.Name, corev1.EventTypeNormal, "Pulled", present(c.Image))
		s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", "Error: "+missing)
		wait(c, "CreateContainerConfigError", missing)
		s.show(ctx)
		s.pause(ctx, syncPeriod())
	}
}

func (s *story) missingConfig(ctx context.Context, container string) string {
	if s.trouble.kind == configError && s.trouble.container == container {
		return `configmap "devcluster-missing" not found`
	}
	for _, o := range needs(&s.pod.Spec) {
		if o.container == container && !s.exists(ctx, s.pod.Namespace, o) {
			return o.notFound()
		}
	}
	return ""
}

// evict ends the pod as a kubelet does that runs out of memory.
func (s *story) evict(ctx context.Context) {
	s.pause(ctx, 10*time.Second)
	for i := range s.status.ContainerStatuses {
		if c := &s.status.ContainerStatuses[i]; c.State.Running != nil {
			end(c, corev1.ContainerStateTerminated{ExitCode: 137, Reason: "Error"}, time.Now())
		}
	}
	const why = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 84Mi. "
	s.say(ctx, "", corev1.EventTypeWarning, "Evicted", why)
	conclude(&s.status, time.Now())
	s.fail(ctx, "Evicted", why)
}

// refusal is why a kubelet does not take a pod that is bound to its node.
type refusal struct{ reason, message string }

// refusals are by behaviour.
var refusals = map[string]refusal{
	rejected: {"UnexpectedAdmissionError", "Allocate failed due to no healthy devices present; cannot allocate " +
		"unhealthy devices vendor.example/device, which is unexpected"},
	outOfCPU:   {"OutOfcpu", "Node didn't have enough resource: cpu, requested: 500, used: 7800, capacity: 8000"},
	noAppArmor: {"AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host"},
}

// refuse ends a pod of which no container was ever made.
func (s *story) refuse(ctx context.Context, why refusal) {
	s.say(ctx, "", corev1.EventTypeWarning, why.reason, why.message)
	s.status.ContainerStatuses, s.status.InitContainerStatuses = nil, nil
	s.fail(ctx, why.reason, "Pod was rejected: "+why.message)
}

// fail makes the pod one that never runs again: its controller has to make another.
func (s *story) fail(ctx context.Context, reason, message string) {
	s.status.Phase, s.status.Reason, s.status.Message = corev1.PodFailed, reason, message
	s.show(ctx)
}
