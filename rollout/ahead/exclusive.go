package ahead

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	helpers "k8s.io/component-helpers/resource"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
)

// Claimant is a DaemonSet that a commit asks for, with what runs of it now.
type Claimant struct {
	// Next is the DaemonSet as the commit has it, best with the API server's defaults.
	Next *appsv1.DaemonSet
	// Current is what is there now, nil if nothing is.
	Current *appsv1.DaemonSet
	Pods    []*corev1.Pod
}

// Clash is what two DaemonSets want of the same nodes and only one of them can have.
type Clash struct {
	// Things are what they want, such as "host port 9100/TCP", sorted.
	Things []string
	// Nodes on which they want it, sorted.
	Nodes []string
}

// Held says what of that which a DaemonSet wants a holder has on nodes that it wants: its pods cannot start there
// before the holder's have gone. Claims are the claims, as namespace/name, that only one pod may use. It is false if
// they do not clash. It is pure.
func Held(by rollout.Holder, c Claimant, nodes []*corev1.Node, claims map[string]bool) (Clash, bool) {
	var found Clash
	eligible := eligibleNodes(c.Next, nodes)
	has := c.boundTo()
	want := fact.PodOf(c.Next)
	for _, p := range by.Pods {
		if p.Spec.NodeName == "" || fact.IsOver(p) || !fact.Owns(by.DaemonSet, p) {
			continue
		}
		things := sharedClaims(want, p, claims)
		if n := eligible[p.Spec.NodeName]; n != nil && !has[p.Spec.NodeName] {
			things = append(things, sharedPorts(want, p)...)
			things = append(things, noRoomForBoth(want, p, n)...)
		}
		found.add(p.Spec.NodeName, things)
	}
	return found.sorted()
}

// Rivals says what two DaemonSets of one commit both want of the same nodes, so that one of them can never run there.
// It is false for what they wanted before the commit too: that is no reason to refuse what may mend something else. It
// is pure.
func Rivals(a, b Claimant, nodes []*corev1.Node) (Clash, bool) {
	ports := newlyShared(a, b)
	var found Clash
	of := eligibleNodes(b.Next, nodes)
	for name := range eligibleNodes(a.Next, nodes) {
		if of[name] != nil {
			found.add(name, ports)
		}
	}
	return found.sorted()
}

// SharePorts reports whether two DaemonSets want the same host ports, and did not before.
func SharePorts(a, b Claimant) bool { return len(newlyShared(a, b)) > 0 }

func newlyShared(a, b Claimant) []string {
	if a.Current != nil && b.Current != nil && len(sharedPorts(fact.PodOf(a.Current), fact.PodOf(b.Current))) > 0 {
		return nil
	}
	return sharedPorts(fact.PodOf(a.Next), fact.PodOf(b.Next))
}

// ClaimsOf are the names of the PersistentVolumeClaims that all pods of a DaemonSet share.
func ClaimsOf(d *appsv1.DaemonSet) []string {
	var names []string
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		}
	}
	return names
}

// sharedPorts are the host ports of a pod that another one does not leave to it.
func sharedPorts(want, has *corev1.Pod) []string {
	var things []string
	for _, h := range room.HostPortsOf(want) {
		if h.HeldBy(has) > 0 {
			things = append(things, rollout.HostPort+" "+h.String())
		}
	}
	return things
}

// sharedClaims are the claims that both want and only one pod may use.
func sharedClaims(want, has *corev1.Pod, single map[string]bool) []string {
	var things []string
	for _, a := range want.Spec.Volumes {
		for _, b := range has.Spec.Volumes {
			if a.PersistentVolumeClaim == nil || b.PersistentVolumeClaim == nil || want.Namespace != has.Namespace {
				continue
			}
			name := a.PersistentVolumeClaim.ClaimName
			if name == b.PersistentVolumeClaim.ClaimName && single[want.Namespace+"/"+name] {
				things = append(things, "PersistentVolumeClaim "+name+" (ReadWriteOncePod)")
			}
		}
	}
	return things
}

// noRoomForBoth are the resources of which a node has enough for either pod, and not for both. What else stands on it
// may leave even less: that is not known before the scheduler tries.
func noRoomForBoth(want, has *corev1.Pod, n *corev1.Node) []string {
	asked, held := helpers.PodRequests(want, helpers.PodResourcesOptions{}), room.RequestsOf(has)
	var things []string
	for name, q := range asked {
		whole := room.Amount(name, n.Status.Allocatable[name])
		a, b := room.Amount(name, q), room.Amount(name, held[name])
		if room.IsScheduled(name) && a > 0 && b > 0 && a <= whole && a+b > whole {
			things = append(things, string(name))
		}
	}
	return things
}

// eligibleNodes are the nodes that a DaemonSet is meant for, by name.
func eligibleNodes(d *appsv1.DaemonSet, nodes []*corev1.Node) map[string]*corev1.Node {
	w, found := fact.EligibilityOf(&d.Spec.Template), map[string]*corev1.Node{}
	for _, n := range nodes {
		if w.Refuses(n) == "" {
			found[n.Name] = n
		}
	}
	return found
}

// boundTo are the nodes that have a pod of it already.
func (c Claimant) boundTo() map[string]bool {
	has := map[string]bool{}
	for _, p := range c.Pods {
		if c.Current != nil && fact.Owns(c.Current, p) && !fact.IsOver(p) && p.Spec.NodeName != "" {
			has[p.Spec.NodeName] = true
		}
	}
	return has
}

func (c *Clash) add(node string, things []string) {
	if len(things) > 0 {
		c.Things, c.Nodes = append(c.Things, things...), append(c.Nodes, node)
	}
}

func (c *Clash) sorted() (Clash, bool) {
	slices.Sort(c.Things)
	slices.Sort(c.Nodes)
	c.Things, c.Nodes = slices.Compact(c.Things), slices.Compact(c.Nodes)
	return *c, len(c.Nodes) > 0
}
