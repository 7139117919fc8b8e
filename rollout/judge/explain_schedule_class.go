package judge

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/daemongate/daemongate/rollout/words"
)

// missingClass is a request of a ResourceClaim for a DeviceClass that is not there (kubernetes pkg/scheduler/framework/plugins/
// dynamicresources).
var missingClass = regexp.MustCompile(`request (\S+): device class (\S+) does not exist`)

// unmetClass tells a pod that asks for devices of a class that does not exist, which is no lack of room. It reports whether that
// is so.
func unmetClass(s *survey, f *finding) bool {
	said := missingClass.FindStringSubmatch(f.key)
	if said == nil {
		return false
	}
	f.about = "DeviceClass " + said[2]
	f.message = fmt.Sprintf("the pod asks for devices of DeviceClass %s, which does not exist (request %s of %s)", said[2], said[1], claimsNamed(s))
	f.remedy = fmt.Sprintf("Install the driver that brings DeviceClass %s, put the class into Git, or correct deviceClassName of %s. What there is: "+
		"`kubectl get deviceclasses`.", said[2], claimsNamed(s))
	return true
}

// claimsNamed are the ResourceClaims that the template asks for, or what they are made from.
func claimsNamed(s *survey) string {
	var names []string
	for _, c := range s.live.Spec.Template.Spec.ResourceClaims {
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
	{"anti-affinity", "Another pod of the node keeps this one off by (anti-)affinity: correct the template's in Git, or move that pod. "},
	{"existing pods anti-affinity", "A pod of the node keeps this one off by its anti-affinity: move it, or leave such nodes out in Git. "},
	{"pod affinity rules", "The template's pod affinity asks for a pod that is not near that node: an agent is better off without. "},
	{"topology spread", "Leave topologySpreadConstraints out in Git: a DaemonSet has its own pod on every node. "},
	{"PersistentVolume's node affinity", "The claim's PersistentVolume is bound to other nodes: all pods of a DaemonSet share the claim, so use a volume of each node's own. "},
	{"volume node affinity", "The claim's PersistentVolume is bound to other nodes: all pods of a DaemonSet share the claim, so use a volume of each node's own. "},
	{"ReadWriteOncePod", "Only one pod may use a claim of accessMode ReadWriteOncePod: use ReadWriteMany, or a volume of each node's own. "},
	{"cannot allocate all claims", "No device of the node that is still free is what the ResourceClaim asks for: see what drivers offer there, `kubectl get resourceslices`. "},
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
