package storage

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	volumes "k8s.io/component-helpers/storage/volume"
)

// shelf is the PersistentVolumes of a class that a claim may get, those of a single host by its name: where each of
// thousands of nodes has its own, not each node is asked about each.
type shelf struct {
	byHost map[string][]*corev1.PersistentVolume
	rest   []*corev1.PersistentVolume
}

func newShelf(all []*corev1.PersistentVolume, class string) *shelf {
	s := &shelf{byHost: map[string][]*corev1.PersistentVolume{}}
	for _, v := range all {
		if volumes.GetPersistentVolumeClass(v) != class {
			continue
		}
		if hosts := hostsOf(v); len(hosts) > 0 {
			for _, host := range hosts {
				s.byHost[host] = append(s.byHost[host], v)
			}
			continue
		}
		s.rest = append(s.rest, v)
	}
	return s
}

// on are those that may be for a node.
func (s *shelf) on(n *corev1.Node) []*corev1.PersistentVolume {
	return append(slices.Clone(s.rest), s.byHost[n.Labels[corev1.LabelHostname]]...)
}

// hostsOf are the hosts that a PersistentVolume is for; none if it does not name them.
func hostsOf(v *corev1.PersistentVolume) []string {
	a := v.Spec.NodeAffinity
	if a == nil || a.Required == nil {
		return nil
	}
	var hosts []string
	for _, t := range a.Required.NodeSelectorTerms {
		i := slices.IndexFunc(t.MatchExpressions, func(r corev1.NodeSelectorRequirement) bool {
			return r.Key == corev1.LabelHostname && r.Operator == corev1.NodeSelectorOpIn
		})
		if i < 0 {
			return nil
		}
		hosts = append(hosts, t.MatchExpressions[i].Values...)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
