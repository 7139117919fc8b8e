package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/cmd/devcluster/kubelet"
)

// FailNode ends the node's kubelet. Nobody renews its Lease or touches its pods any more.
func FailNode(ctx context.Context, client kubernetes.Interface, name string) error {
	return patchNode(ctx, client, name, map[string]any{"metadata": labels(nil)})
}

// HealNode starts the node's kubelet again.
func HealNode(ctx context.Context, client kubernetes.Interface, name string) error {
	return patchNode(ctx, client, name, map[string]any{"metadata": labels(kubelet.Alive)})
}

func labels(alive any) map[string]any {
	return map[string]any{"labels": map[string]any{kubelet.AliveLabel: alive}}
}

// Cordon makes the node unschedulable; Uncordon takes that back.
func Cordon(ctx context.Context, client kubernetes.Interface, name string) error {
	return patchNode(ctx, client, name, map[string]any{"spec": map[string]any{"unschedulable": true}})
}

// Uncordon makes the node schedulable.
func Uncordon(ctx context.Context, client kubernetes.Interface, name string) error {
	return patchNode(ctx, client, name, map[string]any{"spec": map[string]any{"unschedulable": nil}})
}

func patchNode(ctx context.Context, client kubernetes.Interface, name string, patch map[string]any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("node %s: %w: devcluster nodes lists those there are", name, err)
	}
	return nil
}

// RemoveNode deletes the node; Kubernetes deletes its pods.
func RemoveNode(ctx context.Context, client kubernetes.Interface, name string) error {
	if err := client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("node %s: %w: devcluster nodes lists those there are", name, err)
	}
	return nil
}

// AddNode makes one node, with the number after the highest, and returns its name.
func AddNode(ctx context.Context, client kubernetes.Interface) (string, error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	highest := 0
	for _, node := range nodes.Items {
		if n, err := strconv.Atoi(strings.TrimPrefix(node.Name, "node-")); err == nil {
			highest = max(highest, n)
		}
	}
	return NodeName(highest + 1), AddNodes(ctx, client, highest+1, 1)
}

// FillNode puts a pod of no DaemonSet on the node that asks for this much.
func FillNode(ctx context.Context, client kubernetes.Interface, name, cpu, memory string) error {
	requests := corev1.ResourceList{}
	for kind, text := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory} {
		if text == "" {
			continue
		}
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return fmt.Errorf("%s %q: %w", kind, text, err)
		}
		requests[kind] = quantity
	}
	if len(requests) == 0 {
		return fmt.Errorf("node %s: say how much to take away, by --cpu or --memory", name)
	}
	_, err := client.CoreV1().Pods("default").Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "fill-" + name, Labels: map[string]string{"app": "fill-node"}},
		Spec: corev1.PodSpec{
			NodeName: name,
			Containers: []corev1.Container{{
				Name: "fill", Image: "registry.local/fill:v1",
				Resources: corev1.ResourceRequirements{Requests: requests},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return nil
}

// EmptyNode takes away what FillNode put there.
func EmptyNode(ctx context.Context, client kubernetes.Interface, name string) error {
	if err := client.CoreV1().Pods("default").Delete(ctx, "fill-"+name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return nil
}
