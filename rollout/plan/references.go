package plan

import (
	"cmp"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Reference is an object that a template needs.
type Reference struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // none of a kind that has none
	Name      string `json:"name"`
}

// String is the object as a person names it.
func (r Reference) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return fmt.Sprintf("%s %s/%s", r.Kind, r.Namespace, r.Name)
}

// Found is what is known of an object that a template needs. Values are never among it.
type Found struct {
	There bool
	Keys  []string // of a ConfigMap or Secret
}

// KindClasses are the PriorityClasses, as kubectl names them.
const KindClasses = "priorityclasses"

// Need is what a template needs of an object, and where.
type Need struct {
	Reference
	Key      string // "": only that it is there
	Where    string // "container agent, env LEVEL"
	Optional bool
}

// Missing is what a template needs and is not there.
type Missing struct {
	Reference
	Key string `json:"key,omitempty"`
	// Where it is needed, such as "container agent, env LEVEL".
	Where string `json:"where"`
	// Then is what becomes of the pods.
	Then string `json:"then"`
}

// What becomes of pods that need what is not there.
const (
	thenNone    = "no pod is made"
	thenMount   = "pods stay in ContainerCreating"
	thenConfig  = "pods stay in CreateContainerConfigError"
	thenPending = "pods stay Pending"
	thenPull    = "images are pulled without it"
)

// then is what becomes of the pods without it.
func (n Need) then() string {
	switch n.Kind {
	case "ServiceAccount", "PriorityClass", "RuntimeClass":
		return thenNone
	case "PersistentVolumeClaim", "ResourceClaim", "ResourceClaimTemplate":
		return thenPending
	}
	switch {
	case n.Where == wherePull:
		return thenPull
	case isVolume(n.Where):
		return thenMount
	}
	return thenConfig
}

const wherePull = "imagePullSecrets"

// NeedsOf is all that a DaemonSet's template needs, optional or not, in its order.
func NeedsOf(d *appsv1.DaemonSet) []Need {
	n := &needs{namespace: d.Namespace}
	spec := &d.Spec.Template.Spec
	account := cmp.Or(spec.ServiceAccountName, spec.DeprecatedServiceAccount, "default")
	n.add("ServiceAccount", account, "", "serviceAccountName", false)
	n.addGlobal("PriorityClass", spec.PriorityClassName, "priorityClassName")
	if spec.RuntimeClassName != nil {
		n.addGlobal("RuntimeClass", *spec.RuntimeClassName, "runtimeClassName")
	}
	for _, s := range spec.ImagePullSecrets {
		n.add("Secret", s.Name, "", wherePull, false)
	}
	for i := range spec.Volumes {
		n.volume(&spec.Volumes[i])
	}
	for _, c := range spec.ResourceClaims {
		if c.ResourceClaimName != nil {
			n.add("ResourceClaim", *c.ResourceClaimName, "", "resourceClaim "+c.Name, false)
		}
		if c.ResourceClaimTemplateName != nil {
			n.add("ResourceClaimTemplate", *c.ResourceClaimTemplateName, "", "resourceClaim "+c.Name, false)
		}
	}
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			n.container(&list[i])
		}
	}
	return n.list
}

// References are the objects that a template needs, each once.
func References(d *appsv1.DaemonSet) []Reference {
	var list []Reference
	for _, n := range NeedsOf(d) {
		if !slices.Contains(list, n.Reference) {
			list = append(list, n.Reference)
		}
	}
	return list
}

// needs gathers what a template needs.
type needs struct {
	namespace string
	list      []Need
}

func (n *needs) add(kind, name, key, where string, optional bool) {
	if name != "" {
		n.list = append(n.list, Need{Reference{kind, n.namespace, name}, key, where, optional})
	}
}

func (n *needs) addGlobal(kind, name, where string) {
	if name != "" {
		n.list = append(n.list, Need{Reference: Reference{Kind: kind, Name: name}, Where: where})
	}
}

// container gathers what the environment of a container is made of.
func (n *needs) container(c *corev1.Container) {
	for _, from := range c.EnvFrom {
		where := fmt.Sprintf("container %s, envFrom", c.Name)
		if r := from.ConfigMapRef; r != nil {
			n.add("ConfigMap", r.Name, "", where, isTrue(r.Optional))
		}
		if r := from.SecretRef; r != nil {
			n.add("Secret", r.Name, "", where, isTrue(r.Optional))
		}
	}
	for _, env := range c.Env {
		if env.ValueFrom == nil {
			continue
		}
		where := fmt.Sprintf("container %s, env %s", c.Name, env.Name)
		if r := env.ValueFrom.ConfigMapKeyRef; r != nil {
			n.add("ConfigMap", r.Name, r.Key, where, isTrue(r.Optional))
		}
		if r := env.ValueFrom.SecretKeyRef; r != nil {
			n.add("Secret", r.Name, r.Key, where, isTrue(r.Optional))
		}
	}
}

// volume gathers what a volume is made of.
func (n *needs) volume(v *corev1.Volume) {
	where := volumePrefix + v.Name
	if s := v.ConfigMap; s != nil {
		n.items("ConfigMap", s.Name, s.Items, where, isTrue(s.Optional))
	}
	if s := v.Secret; s != nil {
		n.items("Secret", s.SecretName, s.Items, where, isTrue(s.Optional))
	}
	if v.PersistentVolumeClaim != nil {
		n.add("PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName, "", where, false)
	}
	if v.CSI != nil && v.CSI.NodePublishSecretRef != nil {
		n.add("Secret", v.CSI.NodePublishSecretRef.Name, "", where, false)
	}
	if v.Projected == nil {
		return
	}
	for _, s := range v.Projected.Sources {
		if s.ConfigMap != nil {
			n.items("ConfigMap", s.ConfigMap.Name, s.ConfigMap.Items, where, isTrue(s.ConfigMap.Optional))
		}
		if s.Secret != nil {
			n.items("Secret", s.Secret.Name, s.Secret.Items, where, isTrue(s.Secret.Optional))
		}
	}
}

func (n *needs) items(kind, name string, items []corev1.KeyToPath, where string, optional bool) {
	n.add(kind, name, "", where, optional)
	for _, item := range items {
		n.add(kind, name, item.Key, where, optional)
	}
}

const volumePrefix = "volume "

func isVolume(where string) bool {
	return len(where) > len(volumePrefix) && where[:len(volumePrefix)] == volumePrefix
}

func isTrue(b *bool) bool { return b != nil && *b }
