package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// maxRelieved is of how many nodes a person is told which pods would make room; scripts are told of all.
const maxRelieved = 3

// writeRelief tells what would make room, node by node.
func (c *CauseReport) writeRelief(b *strings.Builder) {
	for i := range c.Relief {
		if i == maxRelieved {
			fmt.Fprintf(b, "  room:  for %s more: -o json\n", words.Plural(len(c.Relief)-i, "node"))
			return
		}
		writeOneRelief(&c.Relief[i], b)
	}
}

func writeOneRelief(r *rollout.Relief, b *strings.Builder) {
	fmt.Fprintf(b, "  room:  on %s%s\n", r.Node, reliefAdvice(r))
	if len(r.Evict) == 0 {
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i := range r.Evict {
		e := &r.Evict[i]
		fmt.Fprintf(t, "           %s\tfrees %s\t%s\t%s\n", e.Pod, e.Frees, ownerWords(e), budgetOf(r, e))
	}
	_ = t.Flush() // to a strings.Builder
	for _, note := range r.Notes {
		fmt.Fprintf(b, "         Mind: %s.\n", note)
	}
	if byHand := byHand(r); byHand != "" {
		fmt.Fprintf(b, "         By hand: %s\n", byHand)
	}
}

// reliefAdvice is what can be done, in a sentence.
func reliefAdvice(r *rollout.Relief) string {
	switch {
	case len(r.Evict) == 0 && len(r.Going) > 0:
		return ": " + strings.Join(r.Notes, "; ") + ": " + words.Listed(r.Going)
	case len(r.Evict) == 0:
		return ": " + strings.Join(r.Notes, "; ")
	case len(r.Going) > 0:
		return fmt.Sprintf(" there is enough once %s gone, and without %s, least harm first. Nothing is evicted by "+
			"Daemongate:",
			are(r.Going), words.Plural(len(r.Evict), "pod"))
	}
	return fmt.Sprintf(" there is enough without %s, least harm first. Nothing is evicted by Daemongate:",
		words.Plural(len(r.Evict), "pod"))
}

func are(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return words.Listed(names) + " are"
}

// ownerWords is whose a pod is and what becomes of it.
func ownerWords(e *rollout.Evictable) string {
	switch {
	case e.Owner == "":
		return e.Afterwards
	case e.Replicas > 0:
		return fmt.Sprintf("%s (%s): %s", e.Owner, words.Plural(e.Replicas, "replica"), e.Afterwards)
	}
	return e.Owner + ": " + e.Afterwards
}

// budgetOf is what a pod's PodDisruptionBudget says.
func budgetOf(r *rollout.Relief, e *rollout.Evictable) string {
	switch {
	case e.Refused != "":
		return fmt.Sprintf("NOT NOW: %s (%s)", e.Refused, e.Budget)
	case e.Budget != "" && e.Allows != nil:
		return fmt.Sprintf("PodDisruptionBudget %s allows %d", e.Budget, *e.Allows)
	}
	if r.BudgetsUnknown {
		return ""
	}
	return "no PodDisruptionBudget"
}

// byHand is what a person would run. The node is cordoned first so that nothing else takes the room: a DaemonSet's pods
// go to cordoned nodes too.
func byHand(r *rollout.Relief) string {
	commands := []string{"kubectl cordon " + r.Node}
	for i := range r.Evict {
		e := &r.Evict[i]
		if e.Refused != "" || len(commands) > maxCommands {
			return "" // there is no simple way
		}
		namespace, name, _ := strings.Cut(e.Pod, "/")
		commands = append(commands, fmt.Sprintf("kubectl -n %s delete pod %s", namespace, name))
	}
	return strings.Join(commands, "; ") + "; once the agent runs: kubectl uncordon " + r.Node
}
