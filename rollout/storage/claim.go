package storage

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	volumes "k8s.io/component-helpers/storage/volume"
)

// claim is what a volume of the pod claims.
type claim struct {
	volume string // of the template
	object *corev1.PersistentVolumeClaim
	// own says that each pod has one of its own, which is made with it and goes with it.
	own   bool
	state state
}

// state is how far a claim is.
type state int

const (
	bound    state = iota // it has its PersistentVolume
	waits                 // it gets one when the first pod that needs it is placed
	notBound              // it has none yet, and who gives it one does not ask where its pods are
)

// isMade reports whether a PersistentVolume may still be made for a claim.
func (c claim) isMade() bool { return c.state == waits }

// String names the claim as a person does.
func (c *claim) String() string {
	if c.own {
		return "the claim of volume " + c.volume
	}
	return fmt.Sprintf("PersistentVolumeClaim %s/%s", c.object.Namespace, c.object.Name)
}

// addClaims looks up what the pod's volumes claim, the smallest claim first, as the scheduler tries them.
func (w *Weighing) addClaims(p *corev1.Pod) {
	for i := range p.Spec.Volumes {
		v := &p.Spec.Volumes[i]
		c := claim{volume: v.Name}
		switch {
		case v.PersistentVolumeClaim != nil:
			name := p.Namespace + "/" + v.PersistentVolumeClaim.ClaimName
			if c.object = w.others[name]; c.object == nil {
				w.unfound = append(w.unfound, name)
				continue
			}
			c.object = w.withClass(c.object)
		case v.Ephemeral != nil && v.Ephemeral.VolumeClaimTemplate != nil:
			c.own = true
			t := v.Ephemeral.VolumeClaimTemplate
			c.object = w.withClass(&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: v.Name,
				Namespace: p.Namespace, Labels: t.Labels, Annotations: t.Annotations}, Spec: t.Spec})
		default:
			continue
		}
		c.state = w.stateOf(c.object)
		w.claims = append(w.claims, c)
	}
	slices.SortStableFunc(w.claims, func(a, b claim) int {
		x, y := sizeOf(a.object), sizeOf(b.object)
		return x.Cmp(y)
	})
}

// withClass is a claim with the class that admission gives one that names none: the default one, of several the newest.
func (w *Weighing) withClass(c *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	if c.Spec.StorageClassName != nil || c.Annotations[corev1.BetaStorageClassAnnotation] != "" || isBound(c) {
		return c
	}
	var classes []*storagev1.StorageClass
	for _, s := range w.look.Classes {
		if s.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" ||
			s.Annotations["storageclass.beta.kubernetes.io/is-default-class"] == "true" {
			classes = append(classes, s)
		}
	}
	if len(classes) == 0 {
		return c
	}
	byDefault := slices.MinFunc(classes, func(a, b *storagev1.StorageClass) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	c = c.DeepCopy()
	c.Spec.StorageClassName = &byDefault.Name
	return c
}

func isBound(c *corev1.PersistentVolumeClaim) bool {
	return c.Spec.VolumeName != "" && metav1.HasAnnotation(c.ObjectMeta, volumes.AnnBindCompleted)
}

func (w *Weighing) stateOf(c *corev1.PersistentVolumeClaim) state {
	switch class := w.classes[volumes.GetPersistentVolumeClaimClass(c)]; {
	case isBound(c):
		return bound
	case class != nil && class.VolumeBindingMode != nil && c.Spec.VolumeName == "" &&
		*class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer:
		return waits
	}
	return notBound
}

// unsure is what is not known of a claim, wherever its pods shall go.
func (c *claim) unsure(w *Weighing) string {
	v := w.volumes[c.object.Spec.VolumeName]
	switch {
	case c.state == notBound && c.own:
		return fmt.Sprintf("where the PersistentVolumes of volume %s will be, which are made before the pods "+
			"are placed", c.volume)
	case c.state == notBound:
		return fmt.Sprintf("where %s can go, which is not bound yet", c)
	case c.state == waits && !c.own:
		return fmt.Sprintf("where %s can go once it is bound: its first pod says where", c)
	case slices.Contains(c.object.Spec.AccessModes, corev1.ReadWriteOncePod) && !c.own:
		return fmt.Sprintf("%s is ReadWriteOncePod: only one pod may use it at a time", c)
	case v != nil && isMigrated(v.Spec.PersistentVolumeSource):
		return fmt.Sprintf("where PersistentVolume %s can go, and how many like it a node takes: its driver was "+
			"part of Kubernetes once", v.Name)
	}
	return ""
}

// isMigrated reports whether a volume names a driver that was part of Kubernetes, and a CSI driver has in its place.
func isMigrated(s corev1.PersistentVolumeSource) bool {
	return s.AWSElasticBlockStore != nil || s.GCEPersistentDisk != nil || s.AzureDisk != nil || s.AzureFile != nil ||
		s.Cinder != nil || s.VsphereVolume != nil || s.PortworxVolume != nil
}
