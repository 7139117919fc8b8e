package kubelet

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// pullImage returns once the image is on the node.
func (s *story) pullImage(ctx context.Context, c *corev1.ContainerStatus) {
	if message := invalidImage(c.Image); message != "" {
		s.refuseImage(ctx, c, message)
		return
	}
	if asked := s.trouble.kind == pullFails && s.trouble.container == c.Name; asked || !pullable(c.Image) {
		s.failPull(ctx, c)
	}
}

// failPull plays an image that no registry has, as recorded: a look every 11 to 15 s shows what the look before it
// found, so that ErrImagePull and ImagePullBackOff alternate, and pulls again once the back-off is over.
func (s *story) failPull(ctx context.Context, c *corev1.ContainerStatus) {
	failure := pullError(c.Image)
	wait(c, "ErrImagePull", failure)
	s.pullOnce(ctx, c, failure)
	s.show(ctx)
	s.backOff(ctx, c)
	found, backoff, since := "ImagePullBackOff", 10*time.Second, time.Now()
	for ctx.Err() == nil {
		s.pause(ctx, syncPeriod())
		message := failure
		if found == "ImagePullBackOff" {
			message = `Back-off pulling image "` + c.Image + `": ErrImagePull: ` + failure
		}
		wait(c, found, message)
		s.show(ctx)
		if time.Since(since) >= backoff {
			s.pullOnce(ctx, c, failure)
			found, backoff, since = "ErrImagePull", min(2*backoff, 5*time.Minute), time.Now()
		} else {
			s.backOff(ctx, c)
			found = "ImagePullBackOff"
		}
	}
}

func (s *story) pullOnce(ctx context.Context, c *corev1.ContainerStatus, failure string) {
	s.say(ctx, c.Name, corev1.EventTypeNormal, "Pulling", `Pulling image "`+c.Image+`"`)
	s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", `Failed to pull image "`+c.Image+`": `+failure)
	s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", "Error: ErrImagePull")
}

func (s *story) backOff(ctx context.Context, c *corev1.ContainerStatus) {
	s.say(ctx, c.Name, corev1.EventTypeNormal, "BackOff", `Back-off pulling image "`+c.Image+`"`)
	s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", "Error: ImagePullBackOff")
}

// refuseImage plays an image name that is none: nothing changes any more, the kubelet only repeats itself.
func (s *story) refuseImage(ctx context.Context, c *corev1.ContainerStatus, message string) {
	wait(c, "InvalidImageName", message)
	s.show(ctx)
	for ctx.Err() == nil {
		s.say(ctx, c.Name, corev1.EventTypeWarning, "InspectFailed", message)
		s.say(ctx, c.Name, corev1.EventTypeWarning, "Failed", "Error: InvalidImageName")
		s.pause(ctx, syncPeriod())
	}
}
