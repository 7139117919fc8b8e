package storage

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	volumes "k8s.io/component-helpers/storage/volume"
)

// Obstacle is a volume that keeps the pod off a node.
type Obstacle struct {
	// Volume is its name in the template.
	Volume string `json:"volume"`
	Why    string `json:"why"`
}

// Sentence says so without names of nodes.
func (o Obstacle) Sentence() string { return "volume " + o.Volume + " cannot go there" }

// Place is what the pod's volumes say of a node.
type Place struct {
	// Obstacles keep the pod off, NotWeighed may.
	Obstacles  []Obstacle
	NotWeighed []string
	// Chosen are the PersistentVolumes that no claim has yet and that the pod would get.
	Chosen []string
}

// On says whether the volumes of the pod let it go to a node. Renewed says that an old pod goes first, with the volumes
// that are its own.
func (w *Weighing) On(n *corev1.Node, renewed bool) Place {
	var p Place
	if !w.placeKnown() {
		return p
	}
	chosen := map[string]*corev1.PersistentVolume{}
	var made []*claim
	for i := range w.claims {
		c := &w.claims[i]
		switch c.state {
		case bound:
			p.refuse(c, w.boundTo(c, n))
		case waits:
			v, why := w.match(c, n, chosen)
			switch {
			case why != "":
				p.refuse(c, why)
			case v != nil:
				chosen[v.Name] = v
			default:
				made = append(made, c)
			}
		}
	}
	for _, c := range made {
		place, room := w.provide(c, n)
		if room != "" && c.own && renewed {
			p.NotWeighed = append(p.NotWeighed, "volume "+c.volume+": "+room+" before the old pod's has gone")
			room = ""
		}
		p.refuse(c, place)
		p.refuse(c, room)
	}
	p.Chosen = slices.Sorted(maps.Keys(chosen))
	p.NotWeighed = append(p.NotWeighed, w.notInstalled(n)...)
	return p
}

func (p *Place) refuse(c *claim, why string) {
	if why != "" {
		p.Obstacles = append(p.Obstacles, Obstacle{Volume: c.volume, Why: why})
	}
}

// boundTo says why the PersistentVolume of a claim cannot be used on a node (VolumeBinding, checkBoundClaims, and
// VolumeZone).
func (w *Weighing) boundTo(c *claim, n *corev1.Node) string {
	v := w.volumes[c.object.Spec.VolumeName]
	switch {
	case c.object.Status.Phase == corev1.ClaimLost || v == nil:
		return fmt.Sprintf("%s is bound to PersistentVolume %s, which is not there", c, c.object.Spec.VolumeName)
	case c.object.DeletionTimestamp != nil:
		return fmt.Sprintf("%s is being deleted", c)
	case isMigrated(v.Spec.PersistentVolumeSource):
		return "" // said for all nodes
	case volumes.CheckNodeAffinity(v, n.Labels) != nil:
		return fmt.Sprintf("PersistentVolume %s of %s can be used only where %s", v.Name, c, affinityOf(v))
	}
	return zoneOf(v, n)
}

// topologyLabels are the labels of a PersistentVolume that must be those of its node, and their older names.
var topologyLabels = map[string]string{corev1.LabelTopologyZone: corev1.LabelTopologyZone,
	corev1.LabelTopologyRegion: corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaZone: corev1.LabelTopologyZone,
	corev1.LabelFailureDomainBetaRegion: corev1.LabelTopologyRegion}

// zoneOf says why the labels of a PersistentVolume keep it off a node. A node that names no zone at all takes any.
func zoneOf(v *corev1.PersistentVolume, n *corev1.Node) string {
	zoned := false
	for key := range topologyLabels {
		_, has := n.Labels[key]
		zoned = zoned || has
	}
	if !zoned {
		return ""
	}
	for _, key := range slices.Sorted(maps.Keys(topologyLabels)) {
		values, has := v.Labels[key]
		if !has {
			continue
		}
		at, known := n.Labels[key]
		if !known {
			at, known = n.Labels[topologyLabels[key]]
		}
		if !known || !slices.Contains(strings.Split(values, "__"), at) {
			return fmt.Sprintf("PersistentVolume %s has the label %s=%s, which the node has not", v.Name, key, values)
		}
	}
	return ""
}

// match finds the PersistentVolume that a claim would get on a node; nil if there is none. It says why if the claim is
// meant for another node already.
func (w *Weighing) match(c *claim, n *corev1.Node, chosen map[string]*corev1.PersistentVolume) (
	v *corev1.PersistentVolume, why string) {
	if at, decided := c.object.Annotations[volumes.AnnSelectedNode]; decided && !c.own {
		if at != n.Name {
			why = fmt.Sprintf("the PersistentVolume of %s is being made for another node, %s", c, at)
		}
		return nil, why
	}
	class := volumes.GetPersistentVolumeClaimClass(c.object)
	if w.byClass[class] == nil {
		w.byClass[class] = newShelf(w.look.Volumes, class)
	}
	v, err := volumes.FindMatchingVolume(c.object, w.byClass[class].on(n), n, chosen, true, true)
	if err != nil {
		return nil, fmt.Sprintf("%s: %v", c, err)
	}
	return v, ""
}

// provide says why no PersistentVolume can be made for a claim on a node: because of the place, or for lack of room
// (VolumeBinding, checkVolumeProvisions).
func (w *Weighing) provide(c *claim, n *corev1.Node) (place, room string) {
	class := w.classes[volumes.GetPersistentVolumeClaimClass(c.object)]
	switch {
	case class.Provisioner == "" || class.Provisioner == volumes.NotSupportedProvisioner:
		return "", fmt.Sprintf("no PersistentVolume of class %s that is free there is enough", class.Name)
	case !allows(class, n):
		return fmt.Sprintf("class %s makes PersistentVolumes only where %s", class.Name, topologiesOf(class)), ""
	case !w.hasCapacity(c, class, n):
		size := sizeOf(c.object)
		return "", fmt.Sprintf("driver %s has no %s left there for class %s", class.Provisioner, size.String(),
			class.Name)
	}
	return "", ""
}

// allows reports whether a class makes PersistentVolumes for a node.
func allows(class *storagev1.StorageClass, n *corev1.Node) bool {
	return len(class.AllowedTopologies) == 0 || slices.ContainsFunc(class.AllowedTopologies,
		func(t corev1.TopologySelectorTerm) bool {
			return len(t.MatchLabelExpressions) > 0 && !slices.ContainsFunc(t.MatchLabelExpressions,
				func(r corev1.TopologySelectorLabelRequirement) bool {
					at, has := n.Labels[r.Key]
					return !has || !slices.Contains(r.Values, at)
				})
		})
}

// hasCapacity reports whether a driver that says how much room it has has enough on a node.
func (w *Weighing) hasCapacity(c *claim, class *storagev1.StorageClass, n *corev1.Node) bool {
	i := slices.IndexFunc(w.look.Drivers, func(d *storagev1.CSIDriver) bool { return d.Name == class.Provisioner })
	size, asks := c.object.Spec.Resources.Requests[corev1.ResourceStorage]
	if i < 0 || !asks || w.look.lacks(KindCapacities) || w.look.Drivers[i].Spec.StorageCapacity == nil ||
		!*w.look.Drivers[i].Spec.StorageCapacity {
		return true
	}
	return slices.ContainsFunc(w.look.Capacities, func(has *storagev1.CSIStorageCapacity) bool {
		limit := has.Capacity
		if has.MaximumVolumeSize != nil {
			limit = has.MaximumVolumeSize
		}
		if has.StorageClassName != class.Name || limit == nil || limit.Value() < size.Value() ||
			has.NodeTopology == nil {
			return false
		}
		selector, err := metav1.LabelSelectorAsSelector(has.NodeTopology)
		return err == nil && selector.Matches(labels.Set(n.Labels))
	})
}

func sizeOf(c *corev1.PersistentVolumeClaim) resource.Quantity {
	return c.Spec.Resources.Requests[corev1.ResourceStorage]
}
