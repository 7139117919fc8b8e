package answer

import (
	"strings"
	"testing"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/plan"
)

// full is the plan of a DaemonSet for which some nodes are too full.
func full() plan.Plan {
	return plan.Plan{Namespace: "logging", Name: "agent", Outcome: plan.WillNotFit, Rolls: true,
		Headline: "will not fit 2 of 3 nodes: 300m cpu short on pool gpu", Asks: "cpu 500m",
		Nodes: []plan.Node{
			{Name: "gpu-1", Pool: "gpu", Room: plan.NoRoom, Short: []rollout.Shortfall{{Node: "gpu-1", Resource: "cpu",
				Asked: "500m", Allocatable: "8", Free: "200m", ShortBy: "300m"}},
				Equal: []plan.Victim{{Pod: "web/shop-1", Priority: 0}}},
			{Name: "gpu-2", Pool: "gpu", Room: plan.NoRoom, Short: []rollout.Shortfall{{Node: "gpu-2", Resource: "cpu",
				Asked: "500m", Allocatable: "8", Free: "200m", ShortBy: "300m"}}, NotWeighed: []string{
				"anti-affinity of pod web/lonely"}},
			{Name: "node-1", Room: plan.HasRoom}},
		Pace:  &plan.Pace{Nodes: 3, AtATime: 1, Waves: 3, Seconds: 90, SecondsPerWave: 30},
		Risks: []plan.Risk{{Code: plan.NoTag, Text: "image agent names no version", Remedy: "Name a tag."}},
		Joins: []string{"node-1"}}
}

// The first line says the outcome, then comes what to do, and nothing is wider than a terminal.
func TestTheFirstLineSaysTheOutcome(t *testing.T) {
	a := New("commit 1234 of fleet: more cpu", "", []plan.Plan{full()}, nil, []string{"quotas: forbidden"})
	lines := strings.Split(a.Text(), "\n")
	if lines[0] != "DaemonSet logging/agent will not fit 2 of 3 nodes: 300m cpu short on pool gpu" ||
		lines[2] != "What to do" {
		t.Errorf("%s", a.Text())
	}
	for _, l := range lines {
		if len(l) > columns {
			t.Errorf("%d columns: %s", len(l), l)
		}
	}
	for _, want := range []string{"gpu-1: asks for cpu 500m, 200m of 8 is free, short by 300m", "3 waves, about 90s by an",
		"does not preempt web/shop-1 (priority 0)", "image agent names no version. Name a tag.", "quotas: forbidden"} {
		if !strings.Contains(strings.Join(strings.Fields(a.Text()), " "), want) {
			t.Errorf("%q is not in\n%s", want, a.Text())
		}
	}
}

// Where the API server is, and who asked it, is not for everybody who reads a pull request; why it is not known is.
func TestACommentNamesNoAddress(t *testing.T) {
	a := New("", "platform/agents", nil, nil, []string{
		`pods: Get "https://api.internal:6443/api/v1/pods?limit=500": dial tcp 10.0.0.7:6443: connect: connection refused`,
		`nodes: nodes is forbidden: User "system:serviceaccount:ci:plan" cannot list resource "nodes" at the cluster scope`,
		`pods: dial tcp: lookup api.internal on [fd00::1]:53: no such host`})
	all := strings.Join(a.Markdown(true), "\n")
	for _, never := range []string{"api.internal", "10.0.0.7", "fd00", "serviceaccount"} {
		if strings.Contains(all, never) {
			t.Errorf("%q is in\n%s", never, all)
		}
	}
	for _, says := range []string{"connection refused", "the caller cannot list resource", "no such host"} {
		if !strings.Contains(all, says) {
			t.Errorf("%q is not in\n%s", says, all)
		}
	}
}

// A pull request is not told in which folder a runner keeps the repository. At a terminal it says which one was meant.
func TestACommentNamesNoFolder(t *testing.T) {
	for commit, shows := range map[string]string{
		"commit 1234 of /tmp/runner/7/job: agent: more cpu of it": "commit 1234: agent: more cpu of it",
		"commit 1234 of https://git.test/fleet.git: more cpu":     "commit 1234 of https://git.test/fleet.git: more cpu",
		"commit 1234 of git@git.test:fleet.git: more cpu":         "commit 1234 of git@git.test:fleet.git: more cpu",
	} {
		a := New(commit, "", nil, nil, nil)
		if head := a.Markdown(true)[0]; !strings.Contains(head, escape(shows)) || strings.Contains(head, "runner") {
			t.Errorf("%q is not in\n%s", shows, head)
		}
		if a.Commit != commit {
			t.Error(a.Commit)
		}
	}
}

// A comment is a list of whole blocks, the heading first and what is worst before the rest. Nodes and their pods are
// named only when asked for.
func TestACommentIsMadeOfBlocks(t *testing.T) {
	fits := plan.Plan{Namespace: "logging", Name: "fits", Outcome: plan.Fits, Headline: "fits all 3 nodes"}
	a := New("commit 1234 of fleet: more *cpu* for @everybody", "platform/agents", []plan.Plan{fits, full()}, []Refused{
		{"Service logging/x", plan.Refusal{By: "the API server", Why: "spec.ports is required"}}}, nil)
	blocks := a.Markdown(false)
	if len(blocks) != 4 || !strings.HasPrefix(blocks[0], "## ❌ Service logging/x will be refused by the API server") ||
		!strings.Contains(blocks[2], "logging/agent") || !strings.HasPrefix(blocks[3], "### ✅ DaemonSet logging/fits") {
		t.Errorf("%q", blocks)
	}
	all := strings.Join(blocks, "\n")
	for _, never := range []string{"gpu-1", "node-1", "web/", "*cpu*", "@everybody"} {
		if strings.Contains(all, never) {
			t.Errorf("%q is in\n%s", never, all)
		}
	}
	if !strings.Contains(all, "- 2 nodes of pool gpu: cpu 500m asked for, short by 300m") {
		t.Errorf("%s", all)
	}
	if named := strings.Join(a.Markdown(true), "\n"); !strings.Contains(named, "gpu-1: asks for cpu 500m") ||
		!strings.Contains(named, "web/shop-1") {
		t.Errorf("%s", named)
	}
}

// Of a paced commit the stages are told with their nodes, and what no stage holds back; on a pull request no node is named.
func TestStagesAndWhatIsNotPaced(t *testing.T) {
	rolls := full()
	rolls.Pace, rolls.Paced = nil, true
	a := New("", "platform/agents", []plan.Plan{rolls}, nil, nil)
	a.Paced = &Paced{Stages: []Stage{{Name: "canary", Count: 2, Nodes: []string{"node-1", "node-2"}, Soak: "30m0s", Approve: true},
		{Name: "typo", Soak: "1h0m0s", Approve: true},
		{Name: "zone/a", Count: 1, Nodes: []string{"node-6"}, Overlap: true},
		{Name: "rest", Count: 3, Nodes: []string{"node-3", "node-4", "node-5"}, Approve: true}}}
	for i := range 25 {
		a.Paced.AtOnce = append(a.Paced.AtOnce, "ClusterRole agent-"+string(rune('a'+i)))
	}
	text := strings.Join(strings.Fields(a.Text()), " ")
	for _, want := range []string{"its old pods are evicted stage by stage", "Stages - canary: 2 nodes, soaks for 30m0s, then a person must let " +
		"it go on: node-[1-2] - typo: 0 nodes, and so no soak and no approval: it is passed at once - zone/a: 1 node, the next one begins when its last old pod has gone: node-6 - rest: 3 nodes: node-[3-5]", "Not paced, but applied at once, before the first stage - ClusterRole agent-a",
		"and 5 more objects"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, a.Text())
		}
	}
	comment := strings.Join(a.Markdown(false), "\n")
	if !strings.Contains(comment, "- canary: 2 nodes, soaks for 30m0s") || strings.Contains(comment, "node-[") ||
		!strings.Contains(comment, "ClusterRole agent-a") {
		t.Error(comment)
	}
	a.Paced = nil
	if strings.Contains(a.Text(), "Stages") {
		t.Error(a.Text())
	}
}
