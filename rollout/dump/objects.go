package dump

import (
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/daemongate/daemongate/rollout/storage"
	"github.com/daemongate/daemongate/rollout/trim"
)

// dumped is what the files of a dump hold.
type dumped struct {
	daemonSets []*appsv1.DaemonSet
	revisions  []*appsv1.ControllerRevision
	pods       []*corev1.Pod
	nodes      []*corev1.Node
	events     []*corev1.Event
	leases     []*coordinationv1.Lease

	// What explains a node without room, and a refusal.
	budgets      []*policyv1.PodDisruptionBudget
	quotas       []*corev1.ResourceQuota
	replicaSets  []*appsv1.ReplicaSet
	statefulSets []*appsv1.StatefulSet
	deployments  []*appsv1.Deployment

	// What says whether a pod that is not there yet could be made.
	classes []*schedulingv1.PriorityClass
	names   bool // whether the names of what pods need are looked at
	named   []*Named
	storage storage.Look

	evidence trim.Evidence // those of the Events that explain something
}

// kind is the sort of an object.
type kind struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// add takes an object, if it is of a kind that says something about rollouts.
func (d *dumped) add(object json.RawMessage, implied kind) error {
	var head struct {
		kind
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
	}
	if err := utiljson.Unmarshal(object, &head); err != nil {
		return err
	}
	if head.Kind == "" {
		head.kind = implied
	}
	switch head.Kind {
	case "":
		return errors.New("no kind: want objects of Kubernetes, as `" + Command + "` writes them")
	case "List":
		return errors.New("a List inside a List")
	}
	if err := d.decode(object, head.kind); err != nil {
		name := head.Metadata.Name
		if head.Metadata.Namespace != "" {
			name = head.Metadata.Namespace + "/" + name
		}
		return fmt.Errorf("%s %s: %w", head.Kind, name, err)
	}
	return nil
}

// decode takes an object of a kind that says something about rollouts, trimmed, and passes over any other.
func (d *dumped) decode(object json.RawMessage, k kind) error {
	if d.names && needed[k] {
		if err := d.decodeName(object, k); err != nil {
			return err
		}
	}
	switch k {
	case kind{"apps/v1", "DaemonSet"}:
		return decode(object, &d.daemonSets, func(o *appsv1.DaemonSet) *appsv1.DaemonSet { return o })
	case kind{"apps/v1", "ControllerRevision"}:
		return decode(object, &d.revisions, trim.Revision)
	case kind{"v1", "Pod"}:
		return decode(object, &d.pods, trim.OtherPod)
	case kind{"v1", "Node"}:
		return decode(object, &d.nodes, trim.Node)
	case kind{"v1", "Event"}:
		return decode(object, &d.events, trim.Event)
	case kind{"events.k8s.io/v1", "Event"}:
		return decode(object, &d.events, func(e *eventsv1.Event) *corev1.Event { return trim.Event(coreEvent(e)) })
	case kind{"coordination.k8s.io/v1", "Lease"}:
		return decode(object, &d.leases, trim.Lease)
	}
	return d.decodeMore(object, k)
}

// decodeMore takes an object of a kind that explains why there is no room.
func (d *dumped) decodeMore(object json.RawMessage, k kind) error {
	switch k {
	case kind{"v1", "PersistentVolumeClaim"}, kind{"v1", "PersistentVolume"}, kind{storageV1, "StorageClass"},
		kind{storageV1, "CSINode"}, kind{storageV1, "CSIDriver"}, kind{storageV1, "CSIStorageCapacity"},
		kind{storageV1, "VolumeAttachment"}:
		return d.decodeStorage(object, k)
	case kind{"scheduling.k8s.io/v1", "PriorityClass"}:
		return decode(object, &d.classes,
			func(o *schedulingv1.PriorityClass) *schedulingv1.PriorityClass { return o })
	case kind{"policy/v1", "PodDisruptionBudget"}:
		return decode(object, &d.budgets,
			func(o *policyv1.PodDisruptionBudget) *policyv1.PodDisruptionBudget { return o })
	case kind{"v1", "ResourceQuota"}:
		return decode(object, &d.quotas, func(o *corev1.ResourceQuota) *corev1.ResourceQuota { return o })
	case kind{"apps/v1", "ReplicaSet"}:
		return decode(object, &d.replicaSets, func(o *appsv1.ReplicaSet) *appsv1.ReplicaSet {
			return &appsv1.ReplicaSet{ObjectMeta: trim.Meta(o.ObjectMeta),
				Spec: appsv1.ReplicaSetSpec{Replicas: o.Spec.Replicas}}
		})
	case kind{"apps/v1", "StatefulSet"}:
		return decode(object, &d.statefulSets, func(o *appsv1.StatefulSet) *appsv1.StatefulSet {
			return &appsv1.StatefulSet{ObjectMeta: trim.Meta(o.ObjectMeta),
				Spec: appsv1.StatefulSetSpec{Replicas: o.Spec.Replicas}}
		})
	case kind{"apps/v1", "Deployment"}:
		return decode(object, &d.deployments, func(o *appsv1.Deployment) *appsv1.Deployment {
			return &appsv1.Deployment{ObjectMeta: trim.Meta(o.ObjectMeta),
				Spec: appsv1.DeploymentSpec{Replicas: o.Spec.Replicas}}
		})
	}
	return nil
}

// decodeName keeps the name of an object, and those of its keys.
func (d *dumped) decodeName(object json.RawMessage, k kind) error {
	n := &names{}
	if err := utiljson.Unmarshal(object, n); err != nil {
		return errors.New("is no object of its kind") // what stands in it is not told: it may be a Secret
	}
	d.named = append(d.named, n.named(k.Kind))
	return nil
}

func decode[T any, K metav1.Object](object json.RawMessage, list *[]K, trim func(*T) K) error {
	value := new(T)
	if err := utiljson.Unmarshal(object, value); err != nil {
		return err
	}
	kept := trim(value)
	if kept.GetName() == "" {
		return errors.New("no metadata.name")
	}
	*list = append(*list, kept)
	return nil
}

// coreEvent is an Event of the newer API in the words of the older one.
func coreEvent(e *eventsv1.Event) *corev1.Event {
	c := &corev1.Event{
		ObjectMeta: e.ObjectMeta, InvolvedObject: e.Regarding, Reason: e.Reason, Message: e.Note, Type: e.Type,
		EventTime: e.EventTime, Count: e.DeprecatedCount, FirstTimestamp: e.DeprecatedFirstTimestamp,
		LastTimestamp: e.DeprecatedLastTimestamp, Source: e.DeprecatedSource,
		ReportingController: e.ReportingController,
	}
	if e.Series != nil {
		c.Series = &corev1.EventSeries{Count: e.Series.Count, LastObservedTime: e.Series.LastObservedTime}
	}
	return c
}
