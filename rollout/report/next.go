package report

import (
	"fmt"
	"slices"

	"github.com/daemongate/daemongate/rollout"
)

// maxCommands is how many commands are offered: more than a few is no advice.
const maxCommands = 5

// commands are what to run next, the most telling first: for each cause, of one of its pods or nodes.
func (r *DaemonSetReport) commands() []string {
	var all []string
	for i := range r.Causes {
		for _, c := range r.commandsFor(&r.Causes[i]) {
			if !slices.Contains(all, c) && len(all) < maxCommands {
				all = append(all, c)
			}
		}
	}
	return all
}

func (r *DaemonSetReport) commandsFor(c *CauseReport) []string {
	in := "kubectl -n " + r.Namespace + " "
	itself := in + "describe ds " + r.Name
	pod := func(verb, flags string) string {
		if len(c.Pods) == 0 {
			return itself
		}
		return in + verb + " " + c.Pods[0] + flags
	}
	node := func(verb string) string {
		if len(c.Nodes) == 0 {
			return itself
		}
		return "kubectl " + verb + " " + c.Nodes[0]
	}
	switch c.Code {
	case rollout.Starting:
		return nil
	case rollout.CrashLoop:
		if c.log != "" {
			return []string{in + c.log, pod("describe pod", "")}
		}
		return []string{pod("logs", c.of()+" --previous"), pod("describe pod", "")}
	case rollout.ProbeFailing, rollout.HookFailing:
		return []string{pod("describe pod", ""), pod("logs", c.of())}
	case rollout.Unschedulable:
		return []string{pod("describe pod", ""), node("describe node")}
	case rollout.Forbidden:
		return []string{itself, in + "get resourcequota,serviceaccount"}
	case rollout.NodeLost, rollout.BudgetSpent, rollout.ClockSkew:
		return []string{node("describe node"), in + "get pods -o wide"}
	case rollout.Overwritten:
		return []string{in + "get ds " + r.Name + " -o yaml --show-managed-fields"}
	case rollout.Deleted, rollout.ApplyFailed:
		return []string{in + "get events --sort-by=.lastTimestamp"}
	case rollout.NotObserved:
		return []string{itself, "kubectl -n kube-system get pods"}
	case rollout.NoEligibleNodes:
		return []string{"kubectl get nodes --show-labels", fmt.Sprintf("%sget ds %s -o yaml", in, r.Name)}
	case rollout.NoProgress:
		return []string{itself, in + "get pods -o wide", in + "get events --sort-by=.lastTimestamp"}
	}
	return []string{pod("describe pod", "")}
}

// of names the container to kubectl, which takes the first one otherwise.
func (c *CauseReport) of() string {
	if c.Container == "" {
		return ""
	}
	return " -c " + c.Container
}
