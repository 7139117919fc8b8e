package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/version"

	"github.com/daemongate/daemongate/cmd/devcluster/kubelet"
)

// NodeName is the name of the n-th node, counted from 1.
func NodeName(n int) string { return fmt.Sprintf("node-%03d", n) }

// AddNodes makes count nodes, the first of them the one with this number.
func AddNodes(ctx context.Context, client kubernetes.Interface, first, count int) error {
	numbers := make(chan int)
	go func() {
		defer close(numbers)
		for n := first; n < first+count; n++ {
			numbers <- n
		}
	}()
	errs := make([]error, count)
	var workers sync.WaitGroup
	for range min(32, count) {
		workers.Go(func() {
			for n := range numbers {
				made, err := declaring(node(n))
				if err == nil {
					_, err = client.CoreV1().Nodes().Create(ctx, made, metav1.CreateOptions{})
				}
				errs[n-first] = err
			}
		})
	}
	workers.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("node %s: %w", NodeName(first+i), err)
		}
	}
	return nil
}

// node is a machine of a small fleet in three zones, every sixth with a GPU. KWOK makes it Ready.
func node(n int) *corev1.Node {
	name, pool := NodeName(n), "general"
	if n%6 == 0 {
		pool = "gpu"
	}
	size := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("8"),
		corev1.ResourceMemory:           resource.MustParse("32Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname:       name,
			corev1.LabelOSStable:       "linux",
			corev1.LabelArchStable:     "amd64",
			corev1.LabelTopologyRegion: "local",
			corev1.LabelTopologyZone:   string("abc"[(n-1)%3]),
			"pool":                     pool,
			kubelet.AliveLabel:         kubelet.Alive,
		}},
		Status: corev1.NodeStatus{
			Capacity: size, Allocatable: size,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.1.%d.%d", n/250, n%250+1)},
				{Type: corev1.NodeHostName, Address: name},
			},
			NodeInfo: corev1.NodeSystemInfo{
				Architecture: "amd64", OperatingSystem: "linux", OSImage: "devcluster",
				KubeletVersion: version.Get().GitVersion, ContainerRuntimeVersion: "containerd://2.4.2",
				KernelVersion: "6.12.0",
				BootID:        fmt.Sprintf("00000000-0000-4000-8000-%012d", n), MachineID: fmt.Sprintf("%032d", n),
			},
		},
	}
}

// declaring has a node declare a feature: what a pod asks for in its spec and a node does not declare, the scheduler
// keeps off that node. The API of Kubernetes 1.34 has no such field, and then nothing is declared.
func declaring(node *corev1.Node) (*corev1.Node, error) {
	return node, json.Unmarshal([]byte(`{"declaredFeatures": ["RestartAllContainersOnContainerExits"]}`), &node.Status)
}
