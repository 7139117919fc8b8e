package cause

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// wantedImage is the image that a container waits for: its own, or that of an image volume that it mounts. The kubelet
// tells the trouble of either as the container's own.
type wantedImage struct {
	ref    string
	volume string // "" for the container's own
	// said selects the Events about it: of a volume's image the kubelet sends them about the pod, and names the image.
	said func(which func(*corev1.Event) bool) func(*corev1.Event) bool
}

// wants finds out which image a container waits for. A volume's image is pulled before the container's own. The message
// names it, or the Events do.
func wants(s *survey.Survey, c survey.ContainerCase, message string) wantedImage {
	own := wantedImage{ref: c.Image(), said: func(which func(*corev1.Event) bool) func(*corev1.Event) bool {
		return fact.OfContainer(c.Status.Name, which)
	}}
	volumes := imageVolumes(s, c)
	if len(volumes) == 0 {
		return own
	}
	own.said = func(which func(*corev1.Event) bool) func(*corev1.Event) bool {
		return func(e *corev1.Event) bool {
			return e.InvolvedObject.FieldPath != "" && fact.OfContainer(c.Status.Name, which)(e)
		}
	}
	blamed, last := own, s.TraceOf(c.Pod.UID, own.said(aboutImage)).Last
	for _, v := range volumes {
		names := v.ref != own.ref && namesImage(message, v.ref)
		said := s.TraceOf(c.Pod.UID, v.said(aboutImage))
		switch {
		case names:
			return v
		case !namesImage(message, own.ref) || v.ref == own.ref:
			if said.Last.After(last) || (last.IsZero() && resembles(message, v.ref, own.ref)) {
				blamed, last = v, said.Last
			}
		}
	}
	return blamed
}

// imageVolumes are the images of the image volumes that a container mounts, from the template.
func imageVolumes(s *survey.Survey, c survey.ContainerCase) []wantedImage {
	spec := s.Container(c.Status.Name)
	if spec == nil {
		return nil
	}
	var list []wantedImage
	for _, mount := range spec.VolumeMounts {
		for _, v := range s.Live.Spec.Template.Spec.Volumes {
			if v.Name != mount.Name || v.Image == nil || v.Image.Reference == "" {
				continue
			}
			ref := v.Image.Reference
			list = append(list, wantedImage{ref: ref, volume: v.Name,
				said: func(which func(*corev1.Event) bool) func(*corev1.Event) bool {
					return func(e *corev1.Event) bool {
						return e.InvolvedObject.FieldPath == "" && namesImage(fact.SaidBy(e), ref) && which(e)
					}
				}})
		}
	}
	return list
}

// aboutImage selects what the kubelet says of an image that it cannot have.
func aboutImage(e *corev1.Event) bool {
	return isFailedPull(e) || fact.WithReason("BackOff", "ErrImageNeverPull", "InspectFailed")(e)
}

// namesImage reports whether a text of the kubelet's names an image. An image without a tag it calls by its default
// one.
func namesImage(text, ref string) bool {
	return strings.Contains(text, `"`+ref+`"`) || strings.Contains(text, `"`+ref+`:latest"`)
}

// resembles reports whether a registry's words are about one image rather than another one: they name its repository.
func resembles(text, ref, other string) bool {
	return strings.Contains(text, repository(ref)) && !strings.Contains(text, repository(other))
}

// repository is the name of an image without its registry, tag and digest.
func repository(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		ref = ref[:i]
	}
	return ref[strings.LastIndex(ref, "/")+1:]
}

// who is what waits for the image, as a sentence begins.
func (w wantedImage) who(c survey.ContainerCase) string {
	if w.volume == "" {
		return c.Kind()
	}
	return fmt.Sprintf("image volume %s of %s", w.volume, c.Kind())
}

// about is what of the commit the trouble is about.
func (w wantedImage) about() string {
	if w.volume == "" {
		return "image " + w.ref
	}
	return fmt.Sprintf("volume %s, image %s", w.volume, w.ref)
}

// field is where the image stands in Git.
func (w wantedImage) field(c survey.ContainerCase) string {
	if w.volume == "" {
		return "the image of " + c.Kind()
	}
	return fmt.Sprintf("image.reference of volume %s", w.volume)
}

// place says where a volume's image stands: people look for it at the containers.
func (w wantedImage) place() string {
	if w.volume == "" {
		return ""
	}
	return fmt.Sprintf(" It stands in image.reference of volume %s, which kustomize's `images:` rewrites as well; it "+
		"is not the container's own image, which is pulled after it.", w.volume)
}
