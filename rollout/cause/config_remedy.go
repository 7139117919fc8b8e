package cause

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// What the kubelet and the runtime quote of what they could not find or use (opencontainers/runc, containerd,
// kubernetes pkg/kubelet).
var (
	notFoundByName = regexp.MustCompile(`\b(configmap|secret)s? "([^"]+)"`)
	executed       = regexp.MustCompile(`exec: "([^"]+)"`)
	mounted        = regexp.MustCompile(`error mounting "([^"]+)" to rootfs at "([^"]+)"`)
	subPathOf      = regexp.MustCompile(`subPath (?:directory )?for volumeMount "([^"]+)"`)
)

// configAdvisers are asked in this order. Each knows one part of the template by which a container cannot be started.
var configAdvisers = []func(s *survey.Survey, c survey.ContainerCase, spec *corev1.Container, reason,
	message string) (detail, remedy string){
	adviseEnvFile, adviseEnvSource, adviseProfile, adviseHost, adviseMount, adviseWorkingDir, adviseUser, adviseCommand,
	adviseRuntime,
}

// configAdvice is more of what the template says about a container that cannot be started, and what to do. A word such
// as "no such file or directory" proves nothing: what is missing is told by what of the template is quoted.
func configAdvice(s *survey.Survey, c survey.ContainerCase, reason, message string) (detail, remedy string) {
	spec := s.Container(c.Status.Name)
	if spec == nil {
		spec = &corev1.Container{}
	}
	for _, of := range configAdvisers {
		if detail, remedy = of(s, c, spec, reason, message); remedy != "" {
			return detail, remedy
		}
	}
	return "", fmt.Sprintf("Correct what %s asks for in Git.", c.Kind())
}

// adviseEnvFile is about a variable that comes from a file: the volume is there, but nothing has written the file. The
// kubelet names neither of them.
func adviseEnvFile(s *survey.Survey, c survey.ContainerCase, spec *corev1.Container, reason,
	message string) (detail, remedy string) {
	if reason != "CreateContainerConfigError" || !strings.Contains(message, "env file") &&
		!strings.Contains(message, "environment variable key") &&
		!strings.Contains(message, "FileKeyRef") {
		return "", ""
	}
	keys := fileKeys(spec, message)
	if len(keys) == 0 {
		return "", ""
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.String())
	}
	file, volume := keys[0].ref.Path, keys[0].ref.VolumeName
	who := fmt.Sprintf("No init container of the template mounts volume %s to write it.", volume)
	if writers := writersOf(s, volume); len(writers) > 0 {
		who = fmt.Sprintf("What is to write it: `kubectl -n %s logs %s -c %s`.", s.Live.Namespace, c.Pod.Name,
			writers[0])
	}
	return "fileKeyRef of " + words.Listed(names),
		fmt.Sprintf("Have an init container write file %s into volume %s, in lines of KEY=VALUE, before %s starts, or "+
			"correct volumeName, path and key of %s in Git, or mark them optional. %s", file, volume, c.Kind(),
			keys[0].env, who)
}

// adviseEnvSource is about a ConfigMap or Secret that the environment comes from.
func adviseEnvSource(s *survey.Survey, c survey.ContainerCase, spec *corev1.Container, reason,
	message string) (detail, remedy string) {
	if reason != "CreateContainerConfigError" {
		return "", ""
	}
	for _, e := range envSources(spec) {
		if !e.missing(message, s.Live.Namespace) {
			continue
		}
		what := fmt.Sprintf("%s %s", e.kind, e.name)
		if e.key != "" {
			what += " with key " + e.key
		}
		look := fmt.Sprintf("What there is: `kubectl -n %s get %ss`.", s.Live.Namespace, strings.ToLower(e.kind))
		if strings.Contains(message, "find key") {
			look = fmt.Sprintf("What it has: `kubectl -n %s describe %s %s`.", s.Live.Namespace,
				strings.ToLower(e.kind), e.name)
		}
		return e.where, fmt.Sprintf("Put %s into Git beside the DaemonSet, correct the reference in %s of %s, or "+
			"mark it optional. %s", what, e.where, c.Kind(), look)
	}
	// the pod's own, which something has added to the template
	if m := notFoundByName.FindStringSubmatch(message); m != nil {
		return "", fmt.Sprintf("Put %s %s into Git beside the DaemonSet, correct the reference, or mark it optional. "+
			"What there is: `kubectl -n %s get %[1]ss`.", m[1], m[2], s.Live.Namespace)
	}
	return "", ""
}

// adviseProfile is about a seccomp or AppArmor profile that the node does not have.
func adviseProfile(s *survey.Survey, c survey.ContainerCase, spec *corev1.Container, _,
	message string) (detail, remedy string) {
	for _, profile := range localProfiles(s, spec) {
		name, field := profile.name, profile.field
		if strings.Contains(message, name) || field == "appArmorProfile" && strings.Contains(strings.ToLower(message),
			"apparmor") {
			return fmt.Sprintf("%s %s", field, name),
				fmt.Sprintf("Put the profile %s on node %s and every other one that the DaemonSet is meant for, "+
					"or correct %s.localhostProfile in Git.", name, c.Pod.Spec.NodeName, field)
		}
	}
	return "", ""
}

// adviseHost is about what the node itself does not do or does not have, without a profile by name.
func adviseHost(s *survey.Survey, c survey.ContainerCase, _ *corev1.Container, _,
	message string) (detail, remedy string) {
	said := strings.ToLower(withoutNames(message))
	switch {
	case strings.Contains(said, "cdi device"):
		return "", fmt.Sprintf("The driver of the device has not prepared it on node %s: see whether that driver's "+
			"pod is well there, `kubectl get pods -A --field-selector spec.nodeName=%[1]s`.", c.Pod.Spec.NodeName)
	case strings.Contains(said, "apparmor"):
		return "", fmt.Sprintf("Node %s does not do AppArmor as securityContext.appArmorProfile of %s asks for it: "+
			"leave that out in Git, or keep the DaemonSet to nodes whose kernel has it.", c.Pod.Spec.NodeName, c.Kind())
	case strings.Contains(said, "unable to find user") || strings.Contains(said, "unable to find group"):
		return "", fmt.Sprintf("The image has no such user: set runAsUser and runAsGroup in the securityContext of "+
			"%s in Git to numbers, or mend the image.", c.Kind())
	}
	return "", ""
}

// adviseMount is about a volume that does not fit where it is mounted.
func adviseMount(s *survey.Survey, c survey.ContainerCase, spec *corev1.Container, _,
	message string) (detail, remedy string) {
	var m *corev1.VolumeMount
	if found := mounted.FindStringSubmatch(message); found != nil {
		m = mountAt(spec, found[2])
	} else if found := subPathOf.FindStringSubmatch(message); found != nil {
		for i := range spec.VolumeMounts {
			if spec.VolumeMounts[i].Name == found[1] {
				m = &spec.VolumeMounts[i]
			}
		}
	}
	if m == nil {
		return "", ""
	}
	detail = fmt.Sprintf("volume %s at %s", m.Name, m.MountPath)
	return detail, fmt.Sprintf("Correct the mount of %s of %s in Git: what the volume has (subPath %q) must be "+
		"there, and a file be mounted onto a file, a directory onto a directory.", detail, c.Kind(), m.SubPath)
}

// adviseWorkingDir is about a directory that is not in the image.
func adviseWorkingDir(s *survey.Survey, c survey.ContainerCase, spec *corev1.Container, _,
	message string) (detail, remedy string) {
	if spec.WorkingDir == "" || !strings.Contains(message, `"`+spec.WorkingDir+`"`) ||
		!strings.Contains(message, "cwd") {
		return "", ""
	}
	return "workingDir " + spec.WorkingDir,
		fmt.Sprintf("Correct workingDir of %s in Git: %s is no directory of the image.", c.Kind(), spec.WorkingDir)
}

// adviseUser is about an image that would run as root where it must not.
func adviseUser(s *survey.Survey, c survey.ContainerCase, _ *corev1.Container, reason,
	message string) (detail, remedy string) {
	if reason != "CreateContainerConfigError" || !strings.Contains(message, "has runAsNonRoot and image") {
		return "", ""
	}
	return "", fmt.Sprintf("Set runAsUser in the securityContext of %s in Git, or use an image whose user is a "+
		"number other than 0.", c.Kind())
}

// adviseCommand is about a command that the runtime could not begin.
func adviseCommand(s *survey.Survey, c survey.ContainerCase, spec *corev1.Container, reason,
	message string) (detail, remedy string) {
	m := executed.FindStringSubmatch(message)
	if m == nil && !strings.HasPrefix(message, "exec: ") {
		return "", ""
	}
	what, fault := "what they name", "is not in the image"
	if m != nil {
		what = m[1]
	}
	switch {
	case strings.Contains(message, "permission denied"):
		fault = "may not be executed, or is no program"
	case strings.Contains(message, "exec format error"):
		fault = "is built for another platform than the node's"
	}
	if m != nil && len(spec.Command) == 0 {
		what += ", which is of the image's own entrypoint or of args, as the template gives no command,"
	}
	return "", fmt.Sprintf("Correct command and args of %s in Git: %s %s.", c.Kind(), what, fault)
}

// adviseRuntime is about a container runtime that hangs, or that has not let go of an earlier container.
func adviseRuntime(s *survey.Survey, c survey.ContainerCase, _ *corev1.Container, reason,
	message string) (detail, remedy string) {
	if reason != "CreateContainerError" && reason != "RunContainerError" {
		return "", ""
	}
	for _, says := range []string{"context deadline exceeded", "is reserved for", "name conflict"} {
		if strings.Contains(message, says) {
			return "", fmt.Sprintf("This is the node's container runtime, which hangs or has not let go of an "+
				"earlier container: see whether it is well on %s, and restart it there if not.", c.Pod.Spec.NodeName)
		}
	}
	return "", ""
}
