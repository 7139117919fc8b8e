package kubelet

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// pullImage returns once the image is on the node, and before it the images of the image volumes that the container
// mounts.
func (s *story) pullImage(ctx context.Context, c *corev1.ContainerStatus) {
	if ref := missingImageVolume(s.pod, c.Name); ref != "" {
		if message := invalidImage(ref); message != "" {
			s.refuseImage(ctx, c, "", message)
			return
		}
		s.failPull(ctx, c, "", ref)
		return
	}
	if message := invalidImage(c.Image); message != "" {
		s.refuseImage(ctx, c, c.Name, message)
		return
	}
	if asked := s.trouble.kind == pullFails && s.trouble.container == c.Name; asked || !pullable(c.Image) {
		s.failPull(ctx, c, c.Name, c.Image)
	}
}

// failPull plays an image that no registry has, as recorded: a look every 11 to 15 s shows what the look before it
// found, so that ErrImagePull and ImagePullBackOff alternate, and pulls again once the back-off is over. What the
// kubelet says of the pull is about the container, or about the pod if the image is a volume's; the error is always the
// container's.
func (s *story) failPull(ctx context.Context, c *corev1.ContainerStatus, about, image string) {
	failure := pullError(image)
	wait(c, "ErrImagePull", failure)
	s.pullOnce(ctx, c, about, image)
	s.show(ctx)
	s.backOff(ctx, c, about, image)
	found, backoff, since := "ImagePullBackOff", 10*time.Second, time.Now()
	for ctx.Err() == nil {
		s.pause(ctx, syncPeriod())
		message := failure
		if found == "ImagePullBackOff" {
			message = `Back-off pulling image "` + image + `": ErrImagePull: ` + failure
		}
		wait(c, found, message)
		s.show(ctx)
		if time.Since(since) >= backoff {
			s.pullOnce(ctx, c, about, image)
			found, backoff, since = "ErrImagePull", min(2*backoff, 5*time.Minute), time.Now()
		} else {
			s.backOff(ctx, c, about, image)
			found = "ImagePullBackOff"
		}
	}
}

func (s *story) pullOnce(ctx context.Context, c *corev1.ContainerStatus, about, image string) {
	s.say(ctx, about, corev1.EventTypeNormal, "Pulling", `Pulling image "`+image+`"`)
	s.say(ctx, about, corev1.EventTypeWarning, "Failed", `Failed to pull image "`+image+`": `+pullError(image))
	s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", "Error: ErrImagePull")
}

func (s *story) backOff(ctx context.Context, c *corev1.ContainerStatus, about, image string) {
	s.say(ctx, about, corev1.EventTypeNormal, "BackOff", `Back-off pulling image "`+image+`"`)
	s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", "Error: ImagePullBackOff")
}

// refuseImage plays an image name that is none: nothing changes any more, the kubelet only repeats itself.
func (s *story) refuseImage(ctx context.Context, c *corev1.ContainerStatus, about, message string) {
	wait(c, "InvalidImageName", message)
	s.show(ctx)
	for ctx.Err() == nil {
		s.say(ctx, about, corev1.EventTypeWarning, "InspectFailed", message)
		s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", "Error: InvalidImageName")
		s.pause(ctx, syncPeriod())
	}
}

// missingImageVolume is the image of an image volume that a container mounts and that no registry has; "" if all are
// there.
func missingImageVolume(pod *corev1.Pod, container string) string {
	for _, c := range allContainers(&pod.Spec) {
		for _, mount := range c.VolumeMounts {
			for _, v := range pod.Spec.Volumes {
				if c.Name != container || v.Name != mount.Name || v.Image == nil {
					continue
				}
				if ref := v.Image.Reference; invalidImage(ref) != "" || !pullable(ref) {
					return ref
				}
			}
		}
	}
	return ""
}
