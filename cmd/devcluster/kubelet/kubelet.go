// Package kubelet plays what KWOK's Stages cannot: it admits pods, lets the well ones run by KWOK's Stages, plays the
// ones that something is wrong with as real kubelets were recorded to, and records Events as kubelets do.
package kubelet

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// AliveLabel is on a node, with the value Alive, while its kubelet lives.
const (
	AliveLabel = "devcluster.daemongate.io/kubelet"
	Alive      = "alive"
)

// kubelets are those of all nodes.
type kubelets struct {
	*speaker
	client kubernetes.Interface
	nodes  cache.Store
	pods   cache.Indexer
	nextIP atomic.Uint32

	mu      sync.Mutex
	stories map[types.UID]context.CancelFunc // of the pods that are admitted
}

// Start plays the kubelets of all nodes, in the background, until ctx ends.
func Start(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.UserAgent = "kubelet"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	alive := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.LabelSelector = AliveLabel + "=" + Alive
		}))
	bound := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = "spec.nodeName!="
		}))
	nodes, pods := alive.Core().V1().Nodes().Informer(), bound.Core().V1().Pods().Informer()
	if err := pods.AddIndexers(cache.Indexers{"node": nodeOf}); err != nil {
		return err
	}
	k := &kubelets{
		speaker: newSpeaker(ctx, client), client: client, nodes: nodes.GetStore(), pods: pods.GetIndexer(),
		stories: map[types.UID]context.CancelFunc{},
	}
	if err := k.listen(ctx, nodes, pods); err != nil {
		return err
	}
	alive.Start(ctx.Done())
	bound.Start(ctx.Done())
	return nil
}

func nodeOf(o any) ([]string, error) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return nil, fmt.Errorf("%T is no pod", o)
	}
	return []string{pod.Spec.NodeName}, nil
}

// listen looks at a pod whenever it changes, and at all pods of a node whose kubelet comes to life.
func (k *kubelets) listen(ctx context.Context, nodes, pods cache.SharedInformer) error {
	_, err := nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(o any) {
		node, ok := o.(*corev1.Node)
		if !ok {
			return
		}
		for _, pod := range k.podsOn(node.Name) {
			k.look(ctx, nil, pod)
		}
		go k.comeBack(ctx, node.Name)
	}})
	if err != nil {
		return err
	}
	_, err = pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { k.look(ctx, nil, o) },
		UpdateFunc: func(old, o any) { k.look(ctx, old, o) },
		DeleteFunc: func(o any) {
			if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = gone.Obj
			}
			if pod, ok := o.(*corev1.Pod); ok {
				k.forget(pod.UID)
			}
		},
	})
	return err
}

// look does for one pod what is due: admit it, say what KWOK has done to it, or leave its deletion to KWOK.
func (k *kubelets) look(ctx context.Context, before, o any) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	old, _ := before.(*corev1.Pod)
	if !k.lives(pod.Spec.NodeName) {
		return
	}
	switch {
	case pod.DeletionTimestamp != nil:
		if k.forget(pod.UID) || old != nil && old.DeletionTimestamp == nil {
			k.sayKilling(pod)
		}
	case pod.Status.StartTime == nil:
		if ctx, first := k.begin(ctx, pod.UID); first {
			go k.admit(ctx, pod)
		}
	case old != nil && !running(old) && running(pod) && !troubled(pod):
		k.sayStarted(pod)
	}
}

func (k *kubelets) podsOn(node string) []*corev1.Pod {
	var pods []*corev1.Pod
	mine, _ := k.pods.ByIndex("node", node)
	for _, o := range mine {
		if pod, ok := o.(*corev1.Pod); ok {
			pods = append(pods, pod)
		}
	}
	return pods
}

func (k *kubelets) lives(node string) bool {
	_, ok, _ := k.nodes.GetByKey(node)
	return ok
}

func (k *kubelets) alive(ctx context.Context, node string) {
	for !k.lives(node) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// begin reports whether nobody has begun with the pod yet.
func (k *kubelets) begin(ctx context.Context, pod types.UID) (context.Context, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stories[pod] != nil {
		return nil, false
	}
	ctx, k.stories[pod] = context.WithCancel(ctx)
	return ctx, true
}

// forget ends the pod's story, if it has one.
func (k *kubelets) forget(pod types.UID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	end, ok := k.stories[pod]
	if ok {
		end()
		delete(k.stories, pod)
	}
	return ok
}
