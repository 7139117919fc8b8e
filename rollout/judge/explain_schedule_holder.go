package judge

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// portRemedy is what to do about a host port that is taken, by who holds it as far as that is known.
func portRemedy(s *survey, at *site, p *corev1.Pod) string {
	wanted := hostPortsOf(p)
	holders := holdersOf(s.look.Others.Pods, p, at.name, wanted...)
	if len(holders) == 0 {
		names, numbers := portNames(wanted)
		return fmt.Sprintf("Another pod of %[1]s holds host port %[2]s: find it, `kubectl get pods -A --field-selector spec.nodeName=%[1]s -o "+
			"'custom-columns=NS:.metadata.namespace,POD:.metadata.name,PORTS:.spec.containers[*].ports[*].hostPort' | grep -wE '%[3]s'`, and have it "+
			"use another one, or choose another port in Git. ", at.name, strings.Join(names, " or "), strings.Join(numbers, "|"))
	}
	held := slices.DeleteFunc(wanted, func(h hostPort) bool { return h.heldBy(holders[0]) == 0 })
	names, _ := portNames(held)
	port := strings.Join(names, ", ")
	holder, who := holders[0], "Pod "+fullName(holders[0])
	owner := fact.ControllerOf(holder)
	if owner != nil {
		who = fmt.Sprintf("%s of %s %s", who, owner.Kind, owner.Name)
	}
	switch {
	case holder.DeletionTimestamp != nil:
		return who + " still holds host port " + port + " and is being deleted: once it has gone the scheduler tries again. "
	case owner == nil || owner.Kind != "DaemonSet":
		return who + " holds host port " + port + ": have it use another one, or choose another port in Git. "
	case owner.UID == s.live.UID:
		return who + " still holds host port " + port + ": see why it does not go. "
	case holder.Namespace == s.live.Namespace:
		return fmt.Sprintf("%[1]s holds host port %[5]s, and only one of the two can have it. If %[3]s takes the place of %[2]s, take %[2]s out of Git and "+
			"put the annotation %[4]s: %[2]s on %[3]s: they are handed over node by node. If both are meant to stay, choose another port in Git. ",
			who, owner.Name, s.live.Name, manifests.ReplacesAnnotation, port)
	}
	return who + " holds host port " + port + ", and only one of the two can have it: choose another port in Git, or keep them to different nodes. "
}

// portNames are ports as a person writes them, and their numbers alone.
func portNames(ports []hostPort) (names, numbers []string) {
	for _, h := range ports {
		names, numbers = append(names, h.String()), append(numbers, fmt.Sprint(h.number))
	}
	return names, numbers
}

// areHeld reports whether all that a pod lacks are host ports, of which it is known who holds them.
func areHeld(list []rollout.Shortfall) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(f rollout.Shortfall) bool { return len(f.HeldBy) == 0 })
}
