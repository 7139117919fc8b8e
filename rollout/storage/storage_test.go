package storage

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/podtest"
)

const driver = "csi.example.com"

// node is one of a zone.
func node(name, zone string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name, corev1.LabelTopologyZone: zone}}}
}

// in is what a volume of a zone names.
func in(zone string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyZone,
			Operator: corev1.NodeSelectorOpIn, Values: []string{zone}}}}}}}
}

// volume is a PersistentVolume of the driver.
func volume(name string, a *corev1.VolumeNodeAffinity) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
	v.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: name}
	v.Spec.NodeAffinity, v.Status.Phase = a, corev1.VolumeAvailable
	v.Spec.Capacity = podtest.Quantities("storage=1Gi")
	return v
}

// boundClaim is a claim that is bound to the volume of its name.
func boundClaim(name string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: name,
		Annotations: map[string]string{"pv.kubernetes.io/bind-completed": "yes"}}}
	c.Spec.VolumeName = name
	return c
}

// pod uses these claims.
func pod(name string, claims ...string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: name}}
	for _, c := range claims {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: c, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: c}}})
	}
	return p
}

// withEphemeral is a pod with a volume of its own of a class.
func withEphemeral(class string) *corev1.Pod {
	p := pod("")
	p.Spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{
		Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{
			Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class, Resources: corev1.VolumeResourceRequirements{
				Requests: podtest.Quantities("storage=1Gi")}}}}}}}
	return p
}

// class is one that waits for the first pod.
func class(name, by string, zones ...string) *storagev1.StorageClass {
	wait := storagev1.VolumeBindingWaitForFirstConsumer
	c := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: by, VolumeBindingMode: &wait}
	if len(zones) > 0 {
		c.AllowedTopologies = []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.
			TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyZone, Values: zones}}}}
	}
	return c
}

// obstacle is what keeps a pod off a node; empty if nothing does.
func obstacle(l *Look, p *corev1.Pod, n *corev1.Node, renewed bool) string {
	var all []string
	for _, o := range Weigh(l, p).On(n, renewed).Obstacles {
		all = append(all, o.Volume+": "+o.Why)
	}
	return strings.Join(all, "; ")
}

// A bound volume keeps its pods where it can be used: by its affinity, and by the labels of its zone.
func TestABoundVolumeKeepsItsPlace(t *testing.T) {
	l := &Look{Claims: []*corev1.PersistentVolumeClaim{boundClaim("data"), boundClaim("labelled"), boundClaim("lost")},
		Volumes: []*corev1.PersistentVolume{volume("data", in("a")), volume("labelled", nil)}}
	l.Volumes[1].Labels = map[string]string{corev1.LabelFailureDomainBetaZone: "a__c"}
	for claim, says := range map[string]string{
		"data": "PersistentVolume data of PersistentVolumeClaim logging/data can be used only where " +
			"topology.kubernetes.io/zone in a",
		"labelled": "PersistentVolume labelled has the label failure-domain.beta.kubernetes.io/zone=a__c",
	} {
		if said := obstacle(l, pod("", claim), node("n1", "b"), false); !strings.Contains(said, says) {
			t.Errorf("%s in another zone: %q", claim, said)
		}
		if said := obstacle(l, pod("", claim), node("n1", "a"), false); said != "" {
			t.Errorf("%s in its zone: %q", claim, said)
		}
	}
	if said := obstacle(l, pod("", "lost"), node("n1", "a"), false); !strings.Contains(said, "which is not there") {
		t.Errorf("without its volume: %q", said)
	}
}

// A volume that is yet to be made is made where its class may; one of those that are there is taken where it is.
func TestAVolumeIsMadeWhereItsClassMay(t *testing.T) {
	l := &Look{Classes: []*storagev1.StorageClass{class("zonal", driver, "a"), class("local", "kubernetes.io/no-provisioner")}}
	if said := obstacle(l, withEphemeral("zonal"), node("n1", "b"), true); !strings.Contains(said,
		"cache: class zonal makes PersistentVolumes only where topology.kubernetes.io/zone in a") {
		t.Errorf("%q", said)
	}
	if said := obstacle(l, withEphemeral("zonal"), node("n1", "a"), false); said != "" {
		t.Errorf("%q", said)
	}
	local := withEphemeral("local")
	if said := obstacle(l, local, node("n1", "a"), false); !strings.Contains(said, "is free there") {
		t.Errorf("%q", said)
	}
	l.Volumes = []*corev1.PersistentVolume{volume("disk", in("a"))}
	l.Volumes[0].Spec.StorageClassName = "local"
	if place := Weigh(l, local).On(node("n1", "a"), false); len(place.Obstacles) > 0 || len(place.Chosen) != 1 {
		t.Errorf("%+v", place)
	}
}

// The volume of an old pod's own goes with it: that there is none for the new pod yet is no obstacle, and is named.
func TestAnOldPodsVolumeGoesWithIt(t *testing.T) {
	l := &Look{Classes: []*storagev1.StorageClass{class("local", "kubernetes.io/no-provisioner")}}
	place := Weigh(l, withEphemeral("local")).On(node("n1", "a"), true)
	if len(place.Obstacles) > 0 || len(place.NotWeighed) != 1 || !strings.Contains(place.NotWeighed[0],
		"before the old pod's has gone") {
		t.Errorf("%+v", place)
	}
}

// A node takes so many volumes of a driver: those of its pods, each counted once, and those that are attached.
func TestANodeTakesSoManyVolumes(t *testing.T) {
	limit := int32(2)
	name := "stray"
	l := &Look{Claims: []*corev1.PersistentVolumeClaim{boundClaim("data"), boundClaim("old"), boundClaim("web")},
		Volumes: []*corev1.PersistentVolume{volume("data", nil), volume("old", nil), volume("web", nil), volume("stray", nil)},
		CSINodes: []*storagev1.CSINode{{ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Spec: storagev1.CSINodeSpec{
			Drivers: []storagev1.CSINodeDriver{{Name: driver, Allocatable: &storagev1.VolumeNodeResources{Count: &limit}}}}}},
		Attachments: []*storagev1.VolumeAttachment{{Spec: storagev1.VolumeAttachmentSpec{Attacher: driver, NodeName: "n1",
			Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &name}}}}}
	short := func(there, gone []*corev1.Pod) string {
		var all []string
		for _, f := range Weigh(l, pod("", "data")).Short(node("n1", "a"), there, gone) {
			all = append(all, f.String())
		}
		return strings.Join(all, "; ")
	}
	if said := short(nil, nil); said != "" {
		t.Errorf("one is attached, and one more may be: %q", said)
	}
	if said := short([]*corev1.Pod{pod("w", "web")}, nil); said != "n1: asks for attachable-volumes-csi-csi.example.com 1, "+
		"0 of 2 is free, short by 1" {
		t.Errorf("%q", said)
	}
	if said := short([]*corev1.Pod{pod("a", "data"), pod("b", "data")}, nil); said != "" {
		t.Errorf("what is attached already is shared: %q", said)
	}
	// What only the old pod used is detached when it has gone.
	name = "old"
	if said := short([]*corev1.Pod{pod("w", "web")}, []*corev1.Pod{pod("o", "old")}); said != "" {
		t.Errorf("%q", said)
	}
	l.CSINodes[0].Name = "elsewhere"
	if said := short([]*corev1.Pod{pod("w", "web")}, nil); said != "" {
		t.Errorf("a node that names no limit has none: %q", said)
	}
}

// What could not be read, or is decided elsewhere, is named; what is known all the same is weighed.
func TestWhatIsNotKnownOfVolumesIsNamed(t *testing.T) {
	unread := func(kinds ...string) (list []rollout.Unknown) {
		for _, k := range kinds {
			list = append(list, rollout.Unknown{Kind: k})
		}
		return list
	}
	at := storagev1.VolumeBindingImmediate
	now := class("now", driver)
	now.VolumeBindingMode = &at
	once := boundClaim("once")
	once.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}
	young := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: "young"}}
	migrated := volume("disk", nil)
	migrated.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{
		GCEPersistentDisk: &corev1.GCEPersistentDiskVolumeSource{PDName: "disk"}}
	l := Look{Claims: []*corev1.PersistentVolumeClaim{boundClaim("data"), once, young, boundClaim("disk")},
		Volumes: []*corev1.PersistentVolume{volume("data", nil), volume("once", nil), migrated},
		Classes: []*storagev1.StorageClass{now}}
	blind, limits := l, l
	blind.Unread, limits.Unread = unread(KindVolumes), unread(KindClaims)
	limits.OwnClaims = true
	for name, c := range map[string]struct {
		look *Look
		pod  *corev1.Pod
		says string
	}{
		"no volumes read":       {&blind, pod("", "data"), Nothing},
		"other claims not read": {&limits, pod("", "data"), "volumes: how many of them a node takes"},
		"a claim not there":     {&l, pod("", "nowhere"), "PersistentVolumeClaim logging/nowhere can go, which is not there"},
		"not bound yet":         {&l, pod("", "young"), "PersistentVolumeClaim logging/young can go, which is not bound yet"},
		"made at once":          {&l, withEphemeral("now"), "where the PersistentVolumes of volume cache will be"},
		"of one pod alone":      {&l, pod("", "once"), "is ReadWriteOncePod"},
		"of an older driver":    {&l, pod("", "disk"), "its driver was part of Kubernetes once"},
		"all known":             {&l, pod("", "data"), ""},
	} {
		if said := strings.Join(Weigh(c.look, c.pod).NotWeighed(), "; "); !strings.Contains(said, c.says) ||
			c.says == "" && said != "" {
			t.Errorf("%s: %q", name, said)
		}
	}
	if Weigh(nil, pod("", "data")) != nil || Weigh(&l, pod("")) != nil {
		t.Error("there is nothing to weigh")
	}
}
