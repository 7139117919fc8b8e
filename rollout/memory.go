package rollout

import (
	"slices"
	"time"
)

// Memory is what must not be forgotten from one look to the next, also over a restart: it is kept as JSON, a few KB at
// most. It belongs to one Target; the zero value is a new rollout's. It is only ever made by Judge.
type Memory struct {
	// ByUID says that nodes are meant by their UIDs. The judge takes and makes none such: it is a form to keep it in.
	ByUID bool `json:"byUID,omitempty"`
	// First is when the first look was taken.
	First time.Time `json:"first,omitzero"`
	// Done says that the target's Job has completed, whatever becomes of it then.
	Done bool `json:"done,omitempty"`
	// Seen says that the target's DaemonSet was seen, so that it can be missed.
	Seen bool `json:"seen,omitempty"`
	// Hash of the template that the rest is about.
	Hash string `json:"hash,omitempty"`
	// Observed is since when the controller works with that template, as far as can be told: what was seen of it before
	// is about another one.
	Observed time.Time `json:"observed,omitzero"`
	// Mark is the largest number of settled nodes so far, and Rose when it last rose. Of other kinds it is what they
	// say of their progress.
	Mark int       `json:"mark,omitempty"`
	Rose time.Time `json:"rose,omitzero"`
	// Since is when a symptom that carries no time of its own was first seen, by code and node.
	Since map[string]time.Time `json:"since,omitempty"`
	// Lost are the nodes that this rollout lost, with the time.
	Lost map[string]time.Time `json:"lost,omitempty"`
	// Counted are the nodes that were failing before the commit (Target.FailingBefore) and are no longer let off: their
	// pod has settled since, or fails by the commit's doing.
	Counted []string `json:"counted,omitempty"`
	// Boots are the boots of the nodes whose pod was updated lately, to notice a reboot.
	Boots map[string]string `json:"boots,omitempty"`
	// Clocks are what was read of the clocks of nodes whose Ready pods do not become available.
	Clocks map[string]ReadClock `json:"clocks,omitempty"`
	// Rejected are the nodes that refused their pods.
	Rejected map[string]Rejections `json:"rejected,omitempty"`
	// Ended is how pods of the template ended by themselves, by node.
	Ended map[string]Ending `json:"ended,omitempty"`
	// Killed is what the kubelet ended containers for, of updated pods that have not settled since, by the pod's UID
	// and the container's name.
	Killed map[string]Killed `json:"killed,omitempty"`
	// Answers are what hooks and probes last answered, by container and hook or probe.
	Answers map[string]string `json:"answers,omitempty"`
	// Brake are the causes that the brake was pulled for.
	Brake []Cause `json:"brake,omitempty"`
}

// NotAfter is a memory in which nothing lies ahead of a time: what a clock dated that went ahead has happened by then.
func (m Memory) NotAfter(now time.Time) Memory {
	past := func(t time.Time) time.Time {
		if t.After(now.Add(SkewTolerance)) {
			return now
		}
		return t
	}
	m.First, m.Observed, m.Rose = past(m.First), past(m.Observed), past(m.Rose)
	for _, times := range []*map[string]time.Time{&m.Since, &m.Lost} {
		if *times == nil {
			continue
		}
		all := make(map[string]time.Time, len(*times))
		for key, t := range *times {
			all[key] = past(t)
		}
		*times = all
	}
	if m.Clocks != nil {
		all := make(map[string]ReadClock, len(m.Clocks))
		for node, c := range m.Clocks {
			c.At = past(c.At)
			all[node] = c
		}
		m.Clocks = all
	}
	m.Brake = slices.Clone(m.Brake)
	for i := range m.Brake {
		m.Brake[i].Since = past(m.Brake[i].Since)
	}
	return m
}

// Rejections are how often a node refused its pod, and the last pod that it refused, with the reason.
type Rejections struct {
	Count  int    `json:"count"`
	UID    string `json:"uid"`
	Reason string `json:"reason,omitempty"`
}

// Ending is the end of a container that took its whole pod with it: nothing restarts it, and the pod is over, or a rule
// of it restarts all containers, of which none tells then how it ended.
type Ending struct {
	// Count is how many pods are over, and UID the last of them.
	Count int    `json:"count,omitempty"`
	UID   string `json:"uid,omitempty"`
	// Container, exit code and reason; a code below 0 is not known.
	Container string `json:"container,omitempty"`
	Code      int32  `json:"code"`
	Reason    string `json:"reason,omitempty"`
}

// ReadClock is how a node's clock went when it was last read.
type ReadClock struct {
	At      time.Time     `json:"at"`
	Ahead   time.Duration `json:"ahead"`
	Unknown string        `json:"unknown,omitempty"`
}
