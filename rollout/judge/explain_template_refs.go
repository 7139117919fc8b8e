package judge

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// writersOf are the init containers of the template that mount a volume, and so may write it.
func writersOf(s *survey, volume string) []string {
	var names []string
	for i := range s.live.Spec.Template.Spec.InitContainers {
		c := &s.live.Spec.Template.Spec.InitContainers[i]
		if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume && !m.ReadOnly }) {
			names = append(names, c.Name)
		}
	}
	return names
}

// volumeNamed is the template's volume of a name, nil if it has none such.
func volumeNamed(s *survey, name string) *corev1.Volume {
	list := s.live.Spec.Template.Spec.Volumes
	i := slices.IndexFunc(list, func(v corev1.Volume) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// localProfiles are all of a container's, its own first.
func localProfiles(s *survey, c *corev1.Container) []localProfile {
	own, pod := c.SecurityContext, s.live.Spec.Template.Spec.SecurityContext
	if own == nil {
		own = &corev1.SecurityContext{}
	}
	if pod == nil {
		pod = &corev1.PodSecurityContext{}
	}
	var all []localProfile
	for _, p := range []*corev1.SeccompProfile{own.SeccompProfile, pod.SeccompProfile} {
		if p != nil && p.LocalhostProfile != nil {
			all = append(all, localProfile{"seccompProfile", *p.LocalhostProfile})
		}
	}
	for _, p := range []*corev1.AppArmorProfile{own.AppArmorProfile, pod.AppArmorProfile} {
		if p != nil && p.LocalhostProfile != nil {
			all = append(all, localProfile{"appArmorProfile", *p.LocalhostProfile})
		}
	}
	return all
}
