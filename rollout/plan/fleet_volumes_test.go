package plan

import (
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// The drivers of the fleets' volumes: the second says how much room it has.
const (
	driver, counting = "csi.example.com", "counting.example.com"
	data             = "data" // the name of a template's volume, and of the claim of its claim
)

// disks are the volumes that a fleet's pods use.
type disks struct {
	r           *rand.Rand
	volumes     []*corev1.PersistentVolume
	claims      []*corev1.PersistentVolumeClaim
	attachments []*storagev1.VolumeAttachment
	csiNodes    []*storagev1.CSINode
	capacities  []*storagev1.CSIStorageCapacity
}

func (d *disks) often(of5 int) bool { return d.r.IntN(5) < of5 }

// classes are those of all fleets.
func classes() []*storagev1.StorageClass {
	wait, now := storagev1.VolumeBindingWaitForFirstConsumer, storagev1.VolumeBindingImmediate
	class := func(name, by string, mode *storagev1.VolumeBindingMode) *storagev1.StorageClass {
		return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: by, VolumeBindingMode: mode}
	}
	usual, here := class("usual", driver, &wait), class("zone-a", driver, &wait)
	usual.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	here.AllowedTopologies = []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.
		TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyZone, Values: []string{"a"}}}}}
	return []*storagev1.StorageClass{usual, here, class("local", "kubernetes.io/no-provisioner", &wait),
		class("counted", counting, &wait), class("at-once", driver, &now)}
}

// addDisks gives the nodes zones and limits, some of the neighbours volumes, and two of five templates one.
func (f *fleetOf) addDisks() {
	d := &disks{r: rand.New(rand.NewPCG(f.seed, 17))}
	f.disks = d
	for i, n := range f.in.Nodes {
		if d.often(4) {
			n.Labels[corev1.LabelTopologyZone] = []string{"a", "b"}[d.r.IntN(2)]
		}
		at := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: n.Name}}
		if limit := int32(1 + d.r.IntN(3)); d.often(4) {
			at.Spec.Drivers = []storagev1.CSINodeDriver{{Name: driver, NodeID: n.Name,
				Allocatable: &storagev1.VolumeNodeResources{Count: &limit}}}
		}
		d.csiNodes = append(d.csiNodes, at)
		if d.often(2) { // attached, and nobody there uses it
			d.attach(n, d.volume(fmt.Sprintf("%s-left-%d", f.name(), i), ""))
		}
	}
	if f.seed%5 > 1 {
		return
	}
	for i, p := range f.others {
		if d.often(3) {
			name := fmt.Sprintf("%s-of-%d", f.name(), i)
			d.bind(name)
			p.Spec.Volumes = []corev1.Volume{claiming(name)}
			if d.often(2) {
				d.attach(f.nodeOf(p), d.volumes[len(d.volumes)-1])
			}
		}
	}
	f.drawVolume(d)
}

// drawVolume gives the new template one of the kinds of volumes.
func (f *fleetOf) drawVolume(d *disks) {
	name := f.name() + "-shared"
	spec := &f.in.Next.Spec.Template.Spec
	switch d.r.IntN(7) {
	case 0: // bound, usable in a zone alone
		d.bind(name).Spec.NodeAffinity = affinity(corev1.LabelTopologyZone, "a")
		spec.Volumes = append(spec.Volumes, claiming(name))
	case 1: // bound, of a zone by its label
		d.bind(name).Labels = map[string]string{corev1.LabelTopologyZone: []string{"a", "b__c"}[d.r.IntN(2)]}
		spec.Volumes = append(spec.Volumes, claiming(name))
	case 2: // bound, and used by the old pods too
		d.bind(name)
		spec.Volumes = append(spec.Volumes, claiming(name))
		for _, p := range f.in.Pods {
			p.Spec.Volumes = append(p.Spec.Volumes, claiming(name))
		}
	case 3: // what it was bound to is no longer there
		c := d.claim(name, "usual")
		c.Spec.VolumeName, c.Annotations = name+"-gone", map[string]string{"pv.kubernetes.io/bind-completed": "yes"}
		spec.Volumes = append(spec.Volumes, claiming(name))
	case 4: // made for each pod, where the class may
		class := []string{"", "zone-a", "at-once"}[d.r.IntN(3)]
		spec.Volumes = append(spec.Volumes, ephemeral(class))
	case 5: // one of those that are there
		spec.Volumes = append(spec.Volumes, ephemeral("local"))
		for i, n := range f.in.Nodes {
			if d.often(3) {
				v := d.volume(fmt.Sprintf("%s-local-%d", f.name(), i), "local")
				v.Spec.NodeAffinity = affinity(corev1.LabelHostname, n.Name)
				v.Spec.Capacity = podtest.Quantities([]string{"storage=1Gi", "storage=3Gi"}[d.r.IntN(2)])
			}
		}
	case 6: // where the driver has room
		spec.Volumes = append(spec.Volumes, ephemeral("counted"))
		size := podtest.Quantities([]string{"n=1Gi", "n=3Gi"}[d.r.IntN(2)])["n"]
		d.capacities = append(d.capacities, &storagev1.CSIStorageCapacity{ObjectMeta: metav1.ObjectMeta{
			Name: f.name(), Namespace: "default"}, StorageClassName: "counted", Capacity: &size,
			NodeTopology: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelHostname: f.in.Nodes[0].Name}}})
	}
}

func (f *fleetOf) nodeOf(p *corev1.Pod) *corev1.Node {
	for _, n := range f.in.Nodes {
		if n.Name == p.Spec.NodeName {
			return n
		}
	}
	return nil
}

// bind makes a claim and the volume that it is bound to.
func (d *disks) bind(name string) *corev1.PersistentVolume {
	v, c := d.volume(name, "usual"), d.claim(name, "usual")
	v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: name}
	c.Spec.VolumeName = name
	return v
}

func (d *disks) volume(name, class string) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}}
	v.Spec.StorageClassName = class
	v.Spec.Capacity = podtest.Quantities("storage=2Gi")
	v.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
	v.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: name}
	d.volumes = append(d.volumes, v)
	return v
}

func (d *disks) claim(name, class string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	c.Spec = claimSpec(class)
	d.claims = append(d.claims, c)
	return c
}

func (d *disks) attach(n *corev1.Node, v *corev1.PersistentVolume) {
	d.attachments = append(d.attachments, &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: v.Name},
		Spec: storagev1.VolumeAttachmentSpec{Attacher: driver, NodeName: n.Name,
			Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &v.Name}}})
}

func claimSpec(class string) corev1.PersistentVolumeClaimSpec {
	s := corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
		Resources: corev1.VolumeResourceRequirements{Requests: podtest.Quantities("storage=2Gi")}}
	if class != "" {
		s.StorageClassName = &class
	}
	return s
}

func claiming(name string) corev1.Volume {
	return corev1.Volume{Name: data, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}}
}

func ephemeral(class string) corev1.Volume {
	return corev1.Volume{Name: data, VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{
		VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: claimSpec(class)}}}}
}

func affinity(key, value string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn,
			Values: []string{value}}}}}}}
}

// createClasses makes what the volumes of all fleets have in common.
func (s *schedulerTest) createClasses() {
	for _, class := range classes() {
		_, err := s.kube.StorageV1().StorageClasses().Create(s.t.Context(), class, metav1.CreateOptions{})
		check(s.t, err)
	}
	yes := true
	_, err := s.kube.StorageV1().CSIDrivers().Create(s.t.Context(), &storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{
		Name: counting}, Spec: storagev1.CSIDriverSpec{StorageCapacity: &yes}}, metav1.CreateOptions{})
	check(s.t, err)
}

// createDisks makes the volumes of a fleet.
func (s *schedulerTest) createDisks(d *disks) error {
	ctx, o := s.t.Context(), metav1.CreateOptions{}
	for _, n := range d.csiNodes {
		if _, err := s.kube.StorageV1().CSINodes().Create(ctx, n, o); err != nil {
			return err
		}
	}
	for _, v := range d.volumes {
		if _, err := s.kube.CoreV1().PersistentVolumes().Create(ctx, v.DeepCopy(), o); err != nil {
			return err
		}
	}
	for _, c := range d.claims {
		if _, err := s.kube.CoreV1().PersistentVolumeClaims("default").Create(ctx, c.DeepCopy(), o); err != nil {
			return err
		}
	}
	for _, a := range d.attachments {
		if _, err := s.kube.StorageV1().VolumeAttachments().Create(ctx, a, o); err != nil {
			return err
		}
	}
	for _, c := range d.capacities {
		if _, err := s.kube.StorageV1().CSIStorageCapacities("default").Create(ctx, c, o); err != nil {
			return err
		}
	}
	return nil
}

// readDisks waits until the cluster has bound what is to be bound, and reads it as plan does.
func (s *schedulerTest) readDisks(fleets []*fleetOf) {
	s.t.Helper()
	clients, err := observe.NewClients(s.config)
	check(s.t, err)
	clustertest.Until(s.t, 3*time.Minute, "the volumes to be bound", func() (string, bool) {
		look, waits := clients.StorageOf(s.t.Context(), "default"), 0
		for _, c := range look.Claims {
			if c.Spec.VolumeName != "" && (c.Status.Phase != corev1.ClaimBound && c.Status.Phase != corev1.ClaimLost ||
				c.Annotations["pv.kubernetes.io/bind-completed"] == "") {
				waits++
			}
		}
		for _, v := range look.Volumes {
			if v.Status.Phase != corev1.VolumeAvailable && v.Status.Phase != corev1.VolumeBound {
				waits++
			}
		}
		for _, f := range fleets {
			f.in.Storage = look
		}
		return fmt.Sprintf("%d are not, unread %v", waits, look.Unread), waits == 0 && len(look.Unread) == 0
	})
}

// isMade reports whether the scheduler has said on which node the volume of a pod shall be made: it waits for a driver
// then, and there is none.
func (s *schedulerTest) isMade(pod, node string) bool {
	c, err := s.kube.CoreV1().PersistentVolumeClaims("default").Get(s.t.Context(), pod+"-"+data, metav1.GetOptions{})
	return err == nil && c.Annotations["volume.kubernetes.io/selected-node"] == node
}
