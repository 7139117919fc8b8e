package judge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
)

// The message of a cause tells what some nodes are short of, and how many more nodes there are: nobody takes the named
// ones for all.
func TestAMessageSaysHowManyMoreNodesThereAre(t *testing.T) {
	for _, c := range []struct {
		nodes, lacks int // of how many nodes, and how much each lacks
		ends         string
	}{
		{1, 1, "node-01: asks for cpu 2, less than that is free"},
		{3, 1, "; node-03: asks for cpu 2, less than that is free"},
		{4, 1, "; node-03: asks for cpu 2, less than that is free; and 1 more node"},
		{30, 1, "; and 27 more nodes"},
		{3, 2, "; node-02: asks for cpu 2, less than that is free; and 1 more node"},
		{1, 4, "; node-01: asks for memory 2, less than that is free; and 1 more of what is short there"},
		{2, 0, "no room"},
	} {
		var findings []*survey.Finding
		for i := range c.nodes {
			f := &survey.Finding{Code: rollout.Unschedulable, Node: fmt.Sprintf("node-%02d", i+1), Message: "no room"}
			for _, resource := range []string{"cpu", "disk", "memory", "gpu"}[:c.lacks] {
				f.Shortfalls = append(f.Shortfalls, rollout.Shortfall{Node: f.Node, Resource: resource, Asked: "2"})
			}
			findings = append(findings, f)
		}
		causes := causesOf(survey.New(nil, rollout.Look{}, rollout.Target{}, rollout.Memory{}, rollout.Options{}),
			found{more: findings}, true)
		if len(causes) != 1 || !strings.HasSuffix(causes[0].Message, c.ends) {
			t.Errorf("%d nodes that lack %d: %+v, want %q", c.nodes, c.lacks, causes, c.ends)
		}
	}
}
