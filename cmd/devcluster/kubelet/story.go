package kubelet

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// world is what a story touches: the API server, and whether its node's kubelet lives.
type world interface {
	// alive returns when the node's kubelet lives, or ctx ends.
	alive(ctx context.Context, node string)
	publish(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error
	event(pod *corev1.Pod, container, kind, reason, message string)
	exists(ctx context.Context, namespace string, o object) bool
}

// story plays one pod, from its admission until ctx ends, in the order in which a kubelet does things. It is written as
// it happens, with pauses, and runs in a goroutine of its own.
type story struct {
	world
	pod     *corev1.Pod
	trouble trouble
	status  corev1.PodStatus
	ip      string // of the pod
	hostIP  string // of its node
}

// play returns when nothing more can happen to the pod by itself.
func (s *story) play(ctx context.Context) {
	s.status = admitted(s.pod, s.hostIP, time.Now())
	setCondition(&s.status, TroubleCondition, true, reasonOf(s.trouble), "", time.Now())
	s.show(ctx)
	if why, refused := refusals[s.trouble.kind]; refused {
		s.refuse(ctx, why)
		return
	}
	if s.trouble.kind == evicted {
		defer s.evict(ctx)
	}
	s.mountVolumes(ctx)
	s.makeSandbox(ctx)
	for i := range s.pod.Spec.InitContainers {
		s.playInit(ctx, i)
		if s.over() {
			return
		}
	}
	s.playContainers(ctx)
}

// reasonOf is a condition's reason, in the form that the API server wants.
func reasonOf(t trouble) string {
	if t.kind == "" {
		return "MissingObject"
	}
	return t.kind
}

// playInit runs an init container to its end; one with trouble never gets there.
func (s *story) playInit(ctx context.Context, i int) {
	c := s.container(s.pod.Spec.InitContainers[i].Name)
	s.prepare(ctx, c)
	policy := s.pod.Spec.InitContainers[i].RestartPolicy
	sidecar := policy != nil && *policy == corev1.ContainerRestartPolicyAlways
	for s.trouble.kind == initCrash && s.trouble.container == c.Name && ctx.Err() == nil {
		if !s.crash(ctx, c, 500*time.Millisecond, crashed(3)) {
			return
		}
	}
	s.start(ctx, c, sidecar)
	if !sidecar {
		s.pause(ctx, 300*time.Millisecond)
		end(c, corev1.ContainerStateTerminated{Reason: "Completed"}, time.Now())
		c.Ready = true
		s.show(ctx)
	}
}

// playContainers starts those that are well and then plays the one that is not.
func (s *story) playContainers(ctx context.Context) {
	for i := range s.status.ContainerStatuses {
		if c := &s.status.ContainerStatuses[i]; c.State.Waiting != nil && c.State.Waiting.Reason == "PodInitializing" {
			wait(c, "ContainerCreating", "")
		}
	}
	var ill *corev1.ContainerStatus
	for i := range s.status.ContainerStatuses {
		c := &s.status.ContainerStatuses[i]
		if c.Name == s.trouble.container {
			ill = c
			continue
		}
		s.prepare(ctx, c)
		s.start(ctx, c, true)
	}
	if ill == nil || ctx.Err() != nil {
		return
	}
	s.prepare(ctx, ill)
	s.suffer(ctx, ill)
}

// suffer plays what is wrong with a container whose image is there and whose configuration is complete.
func (s *story) suffer(ctx context.Context, c *corev1.ContainerStatus) {
	t := s.trouble
	switch t.kind {
	case neverReady, livenessFails, startupFails:
		s.failProbe(ctx, c)
		return
	case hookFails:
		s.failHook(ctx, c)
		return
	case diesOnceAfter:
		if s.crash(ctx, c, t.after, crashed(1)) {
			s.start(ctx, c, true)
		}
		return
	case diesOnRequest:
		if !s.dieOnRequest(ctx, c) {
			return
		}
	}
	life, how := lifeOf(t)
	if life == 0 {
		s.start(ctx, c, true)
		return
	}
	for s.crash(ctx, c, life, how) {
	}
}

// lifeOf is how long a container lives that dies by itself, and how it ends each time; zero if it does not die.
func lifeOf(t trouble) (time.Duration, corev1.ContainerStateTerminated) {
	switch t.kind {
	case crash:
		return 500 * time.Millisecond, crashed(3)
	case diesOnRequest:
		return 500 * time.Millisecond, crashed(1)
	case diesAfter:
		return t.after, crashed(1)
	case oom:
		return 2 * time.Second, corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}
	}
	return 0, corev1.ContainerStateTerminated{}
}

// prepare gets a container as far as it can be started: its image is on the node, its configuration complete.
func (s *story) prepare(ctx context.Context, c *corev1.ContainerStatus) {
	s.pullImage(ctx, c)
	s.configure(ctx, c)
}

// start runs a container; it is Ready at once unless ready says otherwise.
func (s *story) start(ctx context.Context, c *corev1.ContainerStatus, ready bool) {
	if ctx.Err() != nil {
		return
	}
	s.say(ctx, c.Name, corev1.EventTypeNormal, "Pulled", present(c.Image))
	s.say(ctx, c.Name, corev1.EventTypeNormal, "Created", "Container created")
	s.say(ctx, c.Name, corev1.EventTypeNormal, "Started", "Container started")
	run(c, s.clock())
	c.Ready, c.Started = ready, new(ready)
	s.show(ctx)
}

func present(image string) string {
	return "Container image \"" + image + "\" already present on machine and can be accessed by the pod"
}

// container finds a container's status.
func (s *story) container(name string) *corev1.ContainerStatus {
	for _, all := range [][]corev1.ContainerStatus{s.status.InitContainerStatuses, s.status.ContainerStatuses} {
		if i := slices.IndexFunc(all, func(c corev1.ContainerStatus) bool { return c.Name == name }); i >= 0 {
			return &all[i]
		}
	}
	return nil
}

// show publishes the status as it is now.
func (s *story) show(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	if !s.over() {
		conclude(&s.status, s.clock())
	}
	_ = s.publish(ctx, s.pod, *s.status.DeepCopy()) // a pod that is gone ends the story by its context
}

// over reports whether the pod has ended for good.
func (s *story) over() bool {
	return s.status.Phase == corev1.PodFailed || s.status.Phase == corev1.PodSucceeded
}

// clock is what the node's clock shows.
func (s *story) clock() time.Time {
	if s.trouble.kind == clockAhead {
		return time.Now().Add(s.trouble.after)
	}
	return time.Now()
}

// say records an Event on one of the pod's containers, or on the pod if none is named.
func (s *story) say(ctx context.Context, container, kind, reason, message string) {
	if ctx.Err() == nil {
		s.event(s.pod, container, kind, reason, message)
	}
}

// pause returns early when ctx ends, and late if the kubelet has died meanwhile: then nothing happens to the pod until
// it lives again.
func (s *story) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		s.alive(ctx, s.pod.Spec.NodeName)
	}
}

// between draws a duration.
func between(from, to time.Duration) time.Duration { return from + rand.N(to-from) }

// syncPeriod draws the time between two looks of a kubelet at a pod that something is wrong with, as recorded.
func syncPeriod() time.Duration { return between(11*time.Second, 15*time.Second) }
