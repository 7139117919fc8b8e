package plan

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/storage"
)

// addVolumes adds what the volumes of the pod say of a node.
func (w *weighing) addVolumes(at *Node, n *corev1.Node) {
	if w.storage == nil {
		return
	}
	place := w.storage.On(n, w.has[n.Name] && !at.Beside)
	at.Obstacles = place.Obstacles
	at.NotWeighed = append(at.NotWeighed, place.NotWeighed...)
	for _, v := range place.Chosen {
		w.volumes[v] = append(w.volumes[v], len(w.plan.Nodes))
	}
}

// addContested names on each node the PersistentVolume that only one of several nodes can have.
func (w *weighing) addContested(p *Plan) {
	for _, name := range slices.Sorted(maps.Keys(w.volumes)) {
		nodes := w.volumes[name]
		if len(nodes) < 2 {
			continue
		}
		for _, i := range nodes {
			p.Nodes[i].NotWeighed = append(p.Nodes[i].NotWeighed, fmt.Sprintf(
				"PersistentVolume %s, which only one of %d nodes can have", name, len(nodes)))
		}
	}
}

// volumesNotWeighed is what is not known of the pod's volumes, wherever it goes.
func (w *weighing) volumesNotWeighed() []string {
	switch {
	case w.storage != nil:
		return w.storage.NotWeighed()
	case slices.ContainsFunc(w.pod.Spec.Volumes, storage.IsClaimed):
		return []string{storage.Nothing}
	}
	return nil
}
