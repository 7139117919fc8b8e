package storage

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	volumes "k8s.io/component-helpers/storage/volume"

	"github.com/daemongate/daemongate/rollout"
)

// attachable begins the name of the resource that a driver's volumes are, as nodes named it before there were CSINodes.
const attachable = "attachable-volumes-csi-"

// attachments are volumes as a driver knows them, and which driver that is.
type attachments map[string]string

func (a attachments) add(driver, handle string) {
	if driver != "" && handle != "" {
		a[driver+"/"+handle] = driver
	}
}

// Short is what a node takes too few volumes for beside the pods that are there. The volumes of the pods that have gone
// are detached by then (NodeVolumeLimits, Filter).
func (w *Weighing) Short(n *corev1.Node, there, gone []*corev1.Pod) []rollout.Shortfall {
	limits := w.limitsOf(n)
	if len(limits) == 0 || !w.limitsKnown() {
		return nil
	}
	used := attachments{}
	for _, p := range there {
		w.addOf(p, used)
	}
	fresh := w.fresh()
	count, asked := map[string]int64{}, map[string]int64{}
	for volume, driver := range w.attachedTo(n, gone) {
		if _, counted := used[volume]; !counted {
			count[driver]++
		}
	}
	for volume, driver := range used {
		delete(fresh, volume) // two pods of a node share what is attached once
		count[driver]++
	}
	for _, driver := range fresh {
		asked[driver]++
	}
	var list []rollout.Shortfall
	for _, driver := range slices.Sorted(maps.Keys(asked)) {
		limit, known := limits[driver]
		if short := count[driver] + asked[driver] - limit; known && short > 0 {
			list = append(list, rollout.Shortfall{Node: n.Name, Resource: attachable + driver,
				Asked: number(asked[driver]), Allocatable: number(limit), Free: number(max(0, limit-count[driver])),
				ShortBy: number(short)})
		}
	}
	return list
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// limitsOf is how many volumes of each driver a node takes, where it says so.
func (w *Weighing) limitsOf(n *corev1.Node) map[string]int64 {
	limits := map[string]int64{}
	if at := w.csiNodes[n.Name]; at != nil {
		for _, d := range at.Spec.Drivers {
			if d.Allocatable != nil && d.Allocatable.Count != nil {
				limits[d.Name] = int64(*d.Allocatable.Count)
			}
		}
	}
	return limits
}

// fresh are the volumes of the pod that is weighed.
func (w *Weighing) fresh() attachments {
	a := attachments{}
	for i := range w.claims {
		w.addClaim(w.claims[i].object, a)
	}
	return a
}

// addOf adds the volumes of a pod that is there.
func (w *Weighing) addOf(p *corev1.Pod, to attachments) {
	for i := range p.Spec.Volumes {
		name := ""
		switch v := &p.Spec.Volumes[i]; {
		case v.PersistentVolumeClaim != nil:
			name = v.PersistentVolumeClaim.ClaimName
		case v.Ephemeral != nil:
			name = p.Name + "-" + v.Name
		}
		if c := w.others[p.Namespace+"/"+name]; c != nil {
			w.addClaim(c, to)
		}
	}
}

// addClaim adds the volume of a claim, or one that its class will make.
func (w *Weighing) addClaim(c *corev1.PersistentVolumeClaim, to attachments) {
	v := w.volumes[c.Spec.VolumeName]
	switch class := w.classes[volumes.GetPersistentVolumeClaimClass(c)]; {
	case v != nil && v.Spec.CSI != nil:
		to.add(v.Spec.CSI.Driver, v.Spec.CSI.VolumeHandle)
	case v == nil && class != nil:
		to.add(class.Provisioner, "of "+c.Namespace+"/"+c.Name)
	}
}

// attachedTo are the volumes that are attached to a node, but for those that only pods use that have gone.
func (w *Weighing) attachedTo(n *corev1.Node, gone []*corev1.Pod) attachments {
	attached, left := attachments{}, attachments{}
	for _, a := range w.attached[n.Name] {
		if a.Spec.Source.PersistentVolumeName == nil {
			continue
		}
		if v := w.volumes[*a.Spec.Source.PersistentVolumeName]; v != nil && v.Spec.CSI != nil {
			attached.add(a.Spec.Attacher, v.Spec.CSI.VolumeHandle)
		}
	}
	for _, p := range gone {
		w.addOf(p, left)
	}
	for volume := range left {
		delete(attached, volume)
	}
	return attached
}

// notInstalled names the drivers that a node must have before the scheduler places a pod there, and does not have.
// Older schedulers do not ask.
func (w *Weighing) notInstalled(n *corev1.Node) []string {
	var list []string
	for _, driver := range slices.Sorted(maps.Values(w.fresh())) {
		i := slices.IndexFunc(w.look.Drivers, func(d *storagev1.CSIDriver) bool { return d.Name == driver })
		if i < 0 || w.look.Drivers[i].Spec.PreventPodSchedulingIfMissing == nil ||
			!*w.look.Drivers[i].Spec.PreventPodSchedulingIfMissing {
			continue
		}
		at := w.csiNodes[n.Name]
		if at == nil || !slices.ContainsFunc(at.Spec.Drivers, func(d storagev1.CSINodeDriver) bool {
			return d.Name == driver
		}) {
			list = append(list, fmt.Sprintf("CSI driver %s does not run there", driver))
		}
	}
	return slices.Compact(list)
}
