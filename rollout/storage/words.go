package storage

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// affinityOf is where a PersistentVolume can be used, in words.
func affinityOf(v *corev1.PersistentVolume) string {
	var terms []string
	for _, t := range v.Spec.NodeAffinity.Required.NodeSelectorTerms {
		var all []string
		for _, r := range slices.Concat(t.MatchExpressions, t.MatchFields) {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Key, strings.ToLower(string(r.Operator)),
				strings.Join(r.Values, " or "))))
		}
		terms = append(terms, strings.Join(all, " and "))
	}
	return strings.Join(terms, ", or ")
}

// topologiesOf is where a class makes PersistentVolumes, in words.
func topologiesOf(c *storagev1.StorageClass) string {
	var terms []string
	for _, t := range c.AllowedTopologies {
		var all []string
		for _, r := range t.MatchLabelExpressions {
			all = append(all, fmt.Sprintf("%s in %s", r.Key, strings.Join(r.Values, " or ")))
		}
		terms = append(terms, strings.Join(all, " and "))
	}
	return strings.Join(terms, ", or ")
}
