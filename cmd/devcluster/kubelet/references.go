package kubelet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// object is a ConfigMap or Secret that a pod needs, and where: as a volume, or in a container's environment.
type object struct {
	kind, name string // kind as messages have it: configmap, secret
	volume     string // empty for the environment
	container  string // empty for a volume
}

func (o object) notFound() string { return fmt.Sprintf("%s %q not found", o.kind, o.name) }

// needs are the objects without which the pod's containers do not start, volumes first.
func needs(spec *corev1.PodSpec) []object {
	var all []object
	for _, v := range spec.Volumes {
		if v.ConfigMap != nil && !isTrue(v.ConfigMap.Optional) {
			all = append(all, object{kind: "configmap", name: v.ConfigMap.Name, volume: v.Name})
		}
		if v.Secret != nil && !isTrue(v.Secret.Optional) {
			all = append(all, object{kind: "secret", name: v.Secret.SecretName, volume: v.Name})
		}
	}
	for _, c := range allContainers(spec) {
		all = append(all, environmentOf(&c)...)
	}
	return all
}

func environmentOf(c *corev1.Container) []object {
	var all []object
	add := func(kind, name string, optional *bool) {
		if !isTrue(optional) {
			all = append(all, object{kind: kind, name: name, container: c.Name})
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		if from := e.ValueFrom.ConfigMapKeyRef; from != nil {
			add("configmap", from.Name, from.Optional)
		}
		if from := e.ValueFrom.SecretKeyRef; from != nil {
			add("secret", from.Name, from.Optional)
		}
	}
	for _, e := range c.EnvFrom {
		if from := e.ConfigMapRef; from != nil {
			add("configmap", from.Name, from.Optional)
		}
		if from := e.SecretRef; from != nil {
			add("secret", from.Name, from.Optional)
		}
	}
	return all
}

// exists asks the API server. When in doubt the object is taken to exist: its absence is what tests ask for.
func exists(ctx context.Context, client kubernetes.Interface, namespace string, o object) bool {
	var err error
	if o.kind == "configmap" {
		_, err = client.CoreV1().ConfigMaps(namespace).Get(ctx, o.name, metav1.GetOptions{})
	} else {
		_, err = client.CoreV1().Secrets(namespace).Get(ctx, o.name, metav1.GetOptions{})
	}
	return !apierrors.IsNotFound(err)
}

func isTrue(b *bool) bool { return b != nil && *b }
