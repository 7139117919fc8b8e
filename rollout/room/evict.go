package room

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// harm is how much it hurts to evict a pod. Less is offered first.
type harm int

const (
	harmsNobody   harm = iota // one of several replicas, whose PodDisruptionBudget allows it
	harmsLittle               // one of several replicas, without a budget
	harmsWork                 // the only replica, work that begins again, or nobody knows
	harmsForGood              // nothing makes it again
	harmsCluster              // what the cluster itself needs: of a system priority
	harmsPromises             // its PodDisruptionBudget allows no eviction now
)

// systemPriority is where the priorities begin that are the cluster's own (scheduling.k8s.io, SystemCriticalPriority).
const systemPriority = 2_000_000_000

// candidate is a pod that could be evicted, and how much of each lack it holds.
type candidate struct {
	pod    *corev1.Pod
	told   rollout.Evictable
	harm   harm
	spends bool // what its budget allows
	holds  []int64
	size   float64 // of what is needed of all lacks together, how much it holds
}

// choose picks those pods without which everything fits that do the least harm, and of these as few as do. It is nil if
// all together are not enough. Like the scheduler, which spares the pods of higher priority first, it takes many of
// lower priority before one of higher.
func choose(need []int64, from []candidate) []candidate {
	slices.SortStableFunc(from, func(a, b candidate) int {
		return cmp.Or(byHarm(a, b), cmp.Compare(b.size, a.size), strings.Compare(FullName(a.pod), FullName(b.pod)))
	})
	group := 0 // where those begin that are as harmful as the last one
	for i := range from {
		if byHarm(from[group], from[i]) != 0 {
			group = i
		}
		if last := i+1 == len(from); !last && byHarm(from[i], from[i+1]) == 0 || !enough(need, from[:i+1]) {
			continue
		}
		if one := smallestAlone(need, from[group:i+1]); one != nil {
			return []candidate{*one}
		}
		return spare(need, from[:i+1])
	}
	return nil
}

func byHarm(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.harm, b.harm), cmp.Compare(PriorityOf(a.pod), PriorityOf(b.pod)))
}

// enough reports whether everything fits without these pods.
func enough(need []int64, without []candidate) bool {
	for i, n := range need {
		for _, c := range without {
			n -= c.holds[i]
		}
		if n > 0 {
			return false
		}
	}
	return true
}

// smallestAlone is the smallest pod that is enough by itself; nil if none is.
func smallestAlone(need []int64, from []candidate) *candidate {
	var one *candidate
	for i := range from {
		if enough(need, from[i:i+1]) && (one == nil || from[i].size < one.size) {
			one = &from[i]
		}
	}
	return one
}

// spare leaves out every pod that is not needed, the most harmful first, and the smaller of two as harmful ones.
func spare(need []int64, from []candidate) []candidate {
	chosen := slices.Clone(from)
	for i := len(chosen) - 1; i >= 0; i-- {
		if without := slices.Delete(slices.Clone(chosen), i, i+1); enough(need, without) {
			chosen = without
		}
	}
	return chosen
}
