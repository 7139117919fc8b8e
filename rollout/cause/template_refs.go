package cause

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/survey"
)

// envSource is a ConfigMap or Secret that a container's environment comes from, by the template.
type envSource struct {
	kind, name, key string // no key: all of it
	where           string // "env LEVEL", "envFrom"
}

// envSources are all of a container's.
func envSources(c *corev1.Container) []envSource {
	var all []envSource
	for _, from := range c.EnvFrom {
		switch {
		case from.ConfigMapRef != nil:
			all = append(all, envSource{kind: "ConfigMap", name: from.ConfigMapRef.Name, where: "envFrom"})
		case from.SecretRef != nil:
			all = append(all, envSource{kind: "Secret", name: from.SecretRef.Name, where: "envFrom"})
		}
	}
	for _, env := range c.Env {
		switch from := env.ValueFrom; {
		case from == nil:
		case from.ConfigMapKeyRef != nil:
			all = append(all, envSource{"ConfigMap", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key, "env " +
				env.Name})
		case from.SecretKeyRef != nil:
			all = append(all, envSource{"Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key, "env " + env.Name})
		}
	}
	return all
}

// missing reports whether the kubelet says that it lacks just this source: `configmap "x" not found`, or "couldn't find
// key k in ConfigMap ns/x" (kubernetes pkg/kubelet, makeEnvironmentVariables).
func (e envSource) missing(message, namespace string) bool {
	lower := strings.ToLower(e.kind)
	if strings.Contains(message, fmt.Sprintf("%s %q", lower, e.name)) ||
		strings.Contains(message, fmt.Sprintf("%ss %q", lower, e.name)) {
		return true
	}
	return e.key != "" && strings.Contains(message+" ", fmt.Sprintf("key %s in %s %s/%s ", e.key, e.kind, namespace,
		e.name))
}

// fileKey is a variable of the environment that comes from a file which another container writes.
type fileKey struct {
	env string
	ref *corev1.FileKeySelector
}

// fileKeys are those of a container that the kubelet can be speaking of. It names a key if it has found the file.
func fileKeys(c *corev1.Container, message string) []fileKey {
	var all, named []fileKey
	for _, env := range c.Env {
		if env.ValueFrom == nil || env.ValueFrom.FileKeyRef == nil {
			continue
		}
		key := fileKey{env.Name, env.ValueFrom.FileKeyRef}
		all = append(all, key)
		if strings.Contains(message, fmt.Sprintf("%q", key.ref.Key)) ||
			strings.Contains(message, fmt.Sprintf("volume %q", key.ref.VolumeName)) {
			named = append(named, key)
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}

func (k fileKey) String() string {
	return fmt.Sprintf("env %s (key %s of file %s in volume %s)", k.env, k.ref.Key, k.ref.Path, k.ref.VolumeName)
}

// mountAt is what a container mounts at a path, nil if it mounts nothing there.
func mountAt(c *corev1.Container, path string) *corev1.VolumeMount {
	i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
		return strings.TrimSuffix(m.MountPath, "/") == strings.TrimSuffix(path, "/")
	})
	if i < 0 {
		return nil
	}
	return &c.VolumeMounts[i]
}

// localProfile is a seccomp or AppArmor profile that a container wants to find on its node.
type localProfile struct{ field, name string }

// writersOf are the init containers of the template that mount a volume, and so may write it.
func writersOf(s *survey.Survey, volume string) []string {
	var names []string
	for i := range s.Live.Spec.Template.Spec.InitContainers {
		c := &s.Live.Spec.Template.Spec.InitContainers[i]
		if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
			return m.Name == volume &&
				!m.ReadOnly
		}) {
			names = append(names, c.Name)
		}
	}
	return names
}

// volumeNamed is the template's volume of a name, nil if it has none such.
func volumeNamed(s *survey.Survey, name string) *corev1.Volume {
	list := s.Live.Spec.Template.Spec.Volumes
	i := slices.IndexFunc(list, func(v corev1.Volume) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// localProfiles are all of a container's, its own first.
func localProfiles(s *survey.Survey, c *corev1.Container) []localProfile {
	own, pod := c.SecurityContext, s.Live.Spec.Template.Spec.SecurityContext
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
