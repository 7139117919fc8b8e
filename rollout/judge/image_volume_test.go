package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// withImageVolume is a fleet whose new pod on node-1 mounts an image volume.
func withImageVolume(t testing.TB, ref string) (*fleet, *corev1.Pod) {
	f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		spec := &d.Spec.Template.Spec
		spec.Volumes = []corev1.Volume{{Name: "models",
			VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: ref}}}}
		spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "models", MountPath: "/models"}}
	})
	return f, f.replace("node-1")
}

// ofOwn has the last Event be about the container.
func (f *fleet) ofOwn() {
	f.events[len(f.events)-1].InvolvedObject.FieldPath = "spec.containers{agent}"
}

const modelsImage, agentImage = "registry.example.com/models:v7", "registry.example.com/agent:v1"

// imageVolumeCases are the ways in which a kubelet and its runtime tell that an image cannot be had.
var imageVolumeCases = map[string]struct {
	ref  string
	show func(f *fleet, p *corev1.Pod)
	code rollout.Code
	says string
	not  string
}{
	"the kubelet names it": {modelsImage, func(f *fleet, p *corev1.Pod) {
		f.waits(p, "ImagePullBackOff", `Back-off pulling image "`+modelsImage+`": ErrImagePull: manifest unknown`)
	}, rollout.ImagePull, `image volume models of container agent: image "` + modelsImage +
		`" cannot be pulled: manifest unknown`, agentImage},
	"the runtime does not name it, the Events do": {modelsImage, func(f *fleet, p *corev1.Pod) {
		f.event(p, "Pod", "Failed", `Failed to pull image "`+modelsImage+`": denied`)
		f.event(p, "Pod", "Failed", "Error: ErrImagePull")
		f.ofOwn()
		f.waits(p, "ErrImagePull", "rpc error: code = Unknown desc = denied")
	}, rollout.ImagePull, `image "` + modelsImage + `" cannot be pulled`, agentImage},
	"only the registry's words name it": {modelsImage, func(f *fleet, p *corev1.Pod) {
		f.waits(p, "ErrImagePull", "reading manifest v7 in registry.example.com/models: manifest unknown")
	}, rollout.ImagePull, `image "` + modelsImage + `" cannot be pulled`, agentImage},
	"both have the same image": {agentImage, func(f *fleet, p *corev1.Pod) {
		f.event(p, "Pod", "Failed", `Failed to pull image "`+agentImage+`": not found`)
		f.waits(p, "ImagePullBackOff", `Back-off pulling image "`+agentImage+`": ErrImagePull: not found`)
	}, rollout.ImagePull, "image volume models", "Push registry.example.com/agent:v2"},
	"no tag": {"registry.example.com/models", func(f *fleet, p *corev1.Pod) {
		f.waits(p, "ImagePullBackOff", `Back-off pulling image "registry.example.com/models:latest": ErrImagePull: not found`)
	}, rollout.ImagePull, `image "registry.example.com/models" cannot be pulled`, agentImage},
	"a bad name": {"registry.example.com/Models:v7", func(f *fleet, p *corev1.Pod) {
		f.waits(p, "InvalidImageName", `Failed to apply default image tag "registry.example.com/Models:v7": couldn't parse image name "registry.example.com/Models:v7": invalid reference format: repository name (Models) must be lowercase`)
	}, rollout.InvalidImage, `"registry.example.com/Models:v7" is not a valid image name`, "the image of container"},
	"never to be pulled": {modelsImage, func(f *fleet, p *corev1.Pod) {
		f.waits(p, "ErrImageNeverPull", `Container image "`+modelsImage+`" is not present with pull policy of Never`)
	}, rollout.InvalidImage, "the volume's image.pullPolicy is Never", agentImage},
	"the container's own image": {modelsImage, func(f *fleet, p *corev1.Pod) {
		f.event(p, "Pod", "Pulled", `Container image "`+modelsImage+`" already present on machine`)
		f.event(p, "Pod", "Failed", `Failed to pull image "`+agentImage+`": not found`)
		f.ofOwn()
		f.waits(p, "ErrImagePull", "rpc error: code = NotFound desc = not found")
	}, rollout.ImagePull, `container agent: image "` + agentImage + `" cannot be pulled`, "models"},
}

var _ = playImageVolumes()

func playImageVolumes() (all bool) {
	for name, c := range imageVolumeCases {
		all = plays("an image volume beside a container's image: "+name, func(t testing.TB) rollout.Judgement {
			f, p := withImageVolume(t, c.ref)
			c.show(f, p)
			f.judge()
			return f.after(3 * time.Minute).judge()
		})
	}
	return all
}

// Whichever way the kubelet and the runtime tell that an image volume's image cannot be had, the volume and its
// reference are named, and the container's own image is left alone; and the other way round.
func TestAnImageVolumeIsToldFromTheContainersImage(t *testing.T) {
	for name, c := range imageVolumeCases {
		t.Run(name, func(t *testing.T) {
			f, p := withImageVolume(t, c.ref)
			c.show(f, p)
			cause := f.want(rollout.Progressing, c.code).Causes[0]
			if !strings.Contains(cause.Message, c.says) || strings.Contains(cause.Message+cause.Remedy+cause.About,
				c.not) {
				t.Errorf("%s\n%s\n%s", cause.Message, cause.Remedy, cause.About)
			}
			f.after(30 * time.Second).judge()
			f.after(2*time.Minute).want(rollout.Stuck, c.code)
		})
	}
}

// An image volume's failed pulls are counted by themselves: the second one is enough, and a pull under way is none.
func TestAnImageVolumesPullsAreCounted(t *testing.T) {
	f, p := withImageVolume(t, "registry.example.com/models:v7")
	pull := func() {
		f.event(p, "Pod", "Pulling", `Pulling image "registry.example.com/models:v7"`)
		f.after(time.Second).event(p, "Pod", "Failed", `Failed to pull image "registry.example.com/models:v7": timeout`)
		f.waits(p, "ErrImagePull", `failed to pull and unpack image "registry.example.com/models:v7": timeout`)
	}
	pull()
	f.want(rollout.Progressing, rollout.ImagePull)
	f.after(10*time.Second).event(p, "Pod", "Pulling", `Pulling image "registry.example.com/models:v7"`)
	f.want(rollout.Progressing, rollout.Starting)
	pull()
	f.want(rollout.Stuck, rollout.ImagePull)
}
