package cause

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// measure says what a node is short of and what would make room. That is computed if all pods of the node are known,
// which they are to nobody but `explain`; else as much as the scheduler's own message and the node tell.
func measure(s *survey.Survey, f *survey.Finding, at *survey.Site, p *corev1.Pod, reasons []string) {
	if !s.MayMeasure() {
		return
	}
	f.Shortfalls = room.ShortfallsSaid(s.Look.Others.Pods, p, at.Name, at.Node, reasons)
	if len(f.Shortfalls) == 0 && !s.Look.Others.Known() {
		return
	}
	s.HasMeasured()
	if why, unread := s.Look.Others.Lacks(rollout.KindPods); unread {
		if areHeld(f.Shortfalls) {
			return
		}
		f.Relief = &rollout.Relief{Node: at.Name}
		f.Relief.Notes = []string{fmt.Sprintf("which of its other pods could make room is not known (%s)", why)}
		return
	}
	if !s.Look.Others.Known() || at.Node == nil || !s.Crowd().Knows(at.Name) {
		return
	}
	list, relief := s.Crowd().Measure(p, at.Node)
	if len(list) > 0 {
		f.Shortfalls, f.Relief = list, relief
	} else if len(f.Shortfalls) > 0 {
		f.Relief = &rollout.Relief{Node: at.Name}
		f.Relief.Notes = []string{"by what stands there now there is room: the scheduler tries again by itself"}
	}
}

// missingClass is a request of a ResourceClaim for a DeviceClass that is not there (kubernetes
// pkg/scheduler/framework/plugins/ dynamicresources).
var missingClass = regexp.MustCompile(`request (\S+): device class (\S+) does not exist`)

// unmetClass tells a pod that asks for devices of a class that does not exist, which is no lack of room. It reports
// whether that is so.
func unmetClass(s *survey.Survey, f *survey.Finding) bool {
	said := missingClass.FindStringSubmatch(f.Key)
	if said == nil {
		return false
	}
	f.About = "DeviceClass " + said[2]
	f.Message = fmt.Sprintf("the pod asks for devices of DeviceClass %s, which does not exist (request %s of %s)",
		said[2], said[1], claimsNamed(s))
	f.Remedy = fmt.Sprintf("Install the driver that brings DeviceClass %s, put the class into Git, or correct "+
		"deviceClassName of %s. What there is: `kubectl get deviceclasses`.", said[2], claimsNamed(s))
	return true
}

// claimsNamed are the ResourceClaims that the template asks for, or what they are made from.
func claimsNamed(s *survey.Survey) string {
	var names []string
	for _, c := range s.Live.Spec.Template.Spec.ResourceClaims {
		switch {
		case c.ResourceClaimTemplateName != nil:
			names = append(names, "ResourceClaimTemplate "+*c.ResourceClaimTemplateName)
		case c.ResourceClaimName != nil:
			names = append(names, "ResourceClaim "+*c.ResourceClaimName)
		}
	}
	if len(names) == 0 {
		return "its ResourceClaim"
	}
	return words.Listed(names)
}

// keptOff are what the scheduler holds against a pod that is no lack of room, as its plugins word it, and what to do.
var keptOff = []struct{ says, remedy string }{
	{"untolerated taint", "Tolerate the node's taint in Git, or have it taken off. "},
	{"anti-affinity", "Another pod of the node keeps this one off by (anti-)affinity: correct the template's in Git, " +
		"or move that pod. "},
	{"existing pods anti-affinity", "A pod of the node keeps this one off by its anti-affinity: move it, or leave " +
		"such nodes out in Git. "},
	{"pod affinity rules", "The template's pod affinity asks for a pod that is not near that node: an agent is " +
		"better off without. "},
	{"topology spread", "Leave topologySpreadConstraints out in Git: a DaemonSet has its own pod on every node. "},
	{"PersistentVolume's node affinity", "The claim's PersistentVolume is bound to other nodes: all pods of a " +
		"DaemonSet share the claim, so use a volume of each node's own. "},
	{"volume node affinity", "The claim's PersistentVolume is bound to other nodes: all pods of a DaemonSet share " +
		"the claim, so use a volume of each node's own. "},
	{"ReadWriteOncePod", "Only one pod may use a claim of accessMode ReadWriteOncePod: use ReadWriteMany, or a " +
		"volume of each node's own. "},
	{"cannot allocate all claims", "No device of the node that is still free is what the ResourceClaim asks for: see " +
		"what drivers offer there, `kubectl get resourceslices`. "},
}

// keptOffFor is what to do about a reason that is no lack of room.
func keptOffFor(reasons string) (remedy string, known bool) {
	for _, k := range keptOff {
		if strings.Contains(reasons, k.says) {
			return k.remedy, true
		}
	}
	return "", false
}

// portRemedy is what to do about a host port that is taken, by who holds it as far as that is known.
func portRemedy(s *survey.Survey, at *survey.Site, p *corev1.Pod) string {
	wanted := room.HostPortsOf(p)
	holders := room.HoldersOf(s.Look.Others.Pods, p, at.Name, wanted...)
	if len(holders) == 0 {
		names, numbers := portNames(wanted)
		return fmt.Sprintf("Another pod of %[1]s holds host port %[2]s: find it, `kubectl get pods -A "+
			"--field-selector spec.nodeName=%[1]s -o "+
			"'custom-columns=NS:.metadata.namespace,POD:.metadata.name,PORTS:.spec.containers[*].ports[*].hostPort' "+
			"| grep -wE '%[3]s'`, and have it use another one, or choose another port in Git. ", at.Name,
			strings.Join(names, " or "), strings.Join(numbers, "|"))
	}
	held := slices.DeleteFunc(wanted, func(h room.HostPort) bool { return h.HeldBy(holders[0]) == 0 })
	names, _ := portNames(held)
	port := strings.Join(names, ", ")
	holder, who := holders[0], "Pod "+room.FullName(holders[0])
	owner := fact.ControllerOf(holder)
	if owner != nil {
		who = fmt.Sprintf("%s of %s %s", who, owner.Kind, owner.Name)
	}
	switch {
	case holder.DeletionTimestamp != nil:
		return who + " still holds host port " + port +
			" and is being deleted: once it has gone the scheduler tries again. "
	case owner == nil || owner.Kind != "DaemonSet":
		return who + " holds host port " + port + ": have it use another one, or choose another port in Git. "
	case owner.UID == s.Live.UID:
		return who + " still holds host port " + port + ": see why it does not go. "
	case holder.Namespace == s.Live.Namespace:
		return fmt.Sprintf("%[1]s holds host port %[5]s, and only one of the two can have it. If %[3]s takes the "+
			"place of %[2]s, take %[2]s out of Git and put the annotation %[4]s: %[2]s on %[3]s: they are handed "+
			"over node by node. If both are meant to stay, choose another port in Git. ",
			who, owner.Name, s.Live.Name, manifests.ReplacesAnnotation, port)
	}
	return who + " holds host port " + port +
		", and only one of the two can have it: choose another port in Git, or keep them to different nodes. "
}

// portNames are ports as a person writes them, and their numbers alone.
func portNames(ports []room.HostPort) (names, numbers []string) {
	for _, h := range ports {
		names, numbers = append(names, h.String()), append(numbers, fmt.Sprint(h.Number))
	}
	return names, numbers
}

// areHeld reports whether all that a pod lacks are host ports, of which it is known who holds them.
func areHeld(list []rollout.Shortfall) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(f rollout.Shortfall) bool { return len(f.HeldBy) == 0 })
}
