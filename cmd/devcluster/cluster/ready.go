package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// waitForServer returns when the API server says that all of its parts are ready.
func waitForServer(ctx context.Context, client kubernetes.Interface) error {
	return wait(ctx, "kube-apiserver to be ready", func() error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// waitForNodes returns when all nodes are Ready and untainted and pods can be made in namespace default.
func waitForNodes(ctx context.Context, client kubernetes.Interface, nodes int) error {
	return wait(ctx, "the nodes to be Ready", func() error {
		all, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return err
		}
		ready := 0
		for i := range all.Items {
			if Ready(&all.Items[i]) && len(all.Items[i].Spec.Taints) == 0 {
				ready++
			}
		}
		if ready < nodes {
			return fmt.Errorf("%d of %d nodes are Ready", ready, nodes)
		}
		_, err = client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// Ready reports whether the node's condition Ready is True.
func Ready(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// wait calls try until it succeeds, first every 50 ms, later every second; when ctx ends it returns try's last error.
func wait(ctx context.Context, what string, try func() error) error {
	for pause := 50 * time.Millisecond; ; pause = min(pause*11/10, time.Second) {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w: the logs of the components may say why", what, err)
		case <-time.After(pause):
		}
	}
}
