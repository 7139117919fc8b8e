package room

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// anyAddress is the address of a host port that names none: all of the node's.
const anyAddress = "0.0.0.0"

// HostPort is a port of the node that a pod asks for.
type HostPort struct {
	address  string // never empty
	protocol corev1.Protocol
	Number   int32
}

// String is the port as a person writes it: 9100/TCP, or with its address if that is not all of them.
func (h HostPort) String() string {
	if h.address == anyAddress {
		return fmt.Sprintf("%d/%s", h.Number, h.protocol)
	}
	return fmt.Sprintf("%s:%d/%s", h.address, h.Number, h.protocol)
}

// HostPortsOf are the host ports of a pod's containers and sidecars. An init container that ends holds none: the
// scheduler does not count it (kubernetes pkg/scheduler/util, GetHostPorts).
func HostPortsOf(p *corev1.Pod) []HostPort {
	var ports []HostPort
	add := func(c *corev1.Container) {
		for _, port := range c.Ports {
			if port.HostPort <= 0 {
				continue
			}
			h := HostPort{address: port.HostIP, protocol: port.Protocol, Number: port.HostPort}
			if h.address == "" {
				h.address = anyAddress
			}
			if h.protocol == "" {
				h.protocol = corev1.ProtocolTCP
			}
			ports = append(ports, h)
		}
	}
	for i := range p.Spec.InitContainers {
		if fact.IsSidecar(p, p.Spec.InitContainers[i].Name) {
			add(&p.Spec.InitContainers[i])
		}
	}
	for i := range p.Spec.Containers {
		add(&p.Spec.Containers[i])
	}
	return ports
}

// conflicts reports whether two pods cannot have these ports on one node: the same number and protocol, on the same
// address or one of them on all.
func (h HostPort) conflicts(o HostPort) bool {
	return h.Number == o.Number && h.protocol == o.protocol &&
		(h.address == o.address || h.address == anyAddress || o.address == anyAddress)
}

// HeldBy is 1 if a pod holds the port, else 0.
func (h HostPort) HeldBy(p *corev1.Pod) int64 {
	for _, o := range HostPortsOf(p) {
		if h.conflicts(o) {
			return 1
		}
	}
	return 0
}

// FullName is a pod's namespace/name.
func FullName(p *corev1.Pod) string { return p.Namespace + "/" + p.Name }

// HoldersOf are the pods that are known to hold one of some host ports on a node, and so keep another pod off it.
func HoldersOf(others []*corev1.Pod, p *corev1.Pod, node string, ports ...HostPort) []*corev1.Pod {
	var holders []*corev1.Pod
	for _, o := range others {
		if placeOf(o) != node || fact.IsOver(o) || o.Namespace == p.Namespace && o.Name == p.Name {
			continue
		}
		if slices.ContainsFunc(ports, func(h HostPort) bool { return h.HeldBy(o) > 0 }) {
			holders = append(holders, o)
		}
	}
	return holders
}

// namesOfPods are their namespaces and names.
func namesOfPods(pods []*corev1.Pod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, FullName(p))
	}
	return names
}
