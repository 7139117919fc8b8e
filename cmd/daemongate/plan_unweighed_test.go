package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// A plan of what could not be weighed is no success: it exits with 1, as any plan that could not be made, with a reason
// in its first line. What is certain all the same, such as a pod that is larger than the node, comes first.
func TestAPlanThatCouldNotWeighIsNoSuccess(t *testing.T) {
	const node = `{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"},
		"status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110", "ephemeral-storage": "10Gi"}}}`
	const pod = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop", "namespace": "web"},
		"spec": {"nodeName": "node-1", "containers": [{"name": "shop", "image": "shop:v1"}]}}`
	const elsewhere = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db", "namespace": "data"},
		"spec": {"nodeName": "node-1", "containers": [{"name": "db", "image": "db:v1"}]}}`
	dir := t.TempDir()
	gittest.Write(t, filepath.Join(dir, "agents", "agent.yaml"), plannedAgent)
	gittest.Write(t, filepath.Join(dir, "agents", "kustomization.yaml"), "resources: [agent.yaml]\n")
	dump := filepath.Join(dir, "dump.json")
	for name, c := range map[string]struct {
		items, asks string
		code        int
		says        string
	}{
		"the pods of one namespace alone": {node + "," + pod, "1", 1,
			"cannot be weighed: the other pods on the nodes could not be read"},
		"no nodes":                         {pod + "," + elsewhere, "1", 1, "cannot be weighed: nodes could not be read"},
		"more than the whole node has":     {node + "," + pod, "3", 3, "will not fit 1 of 1 node"},
		"the pods of all namespaces":       {node + "," + pod + "," + elsewhere, "1", 0, "fits the only node"},
		"no room beside all that is there": {node + "," + pod + "," + elsewhere, "3", 3, "will not fit 1 of 1 node"},
	} {
		gittest.Write(t, dump, `{"apiVersion": "v1", "kind": "List", "items": [`+c.items+`]}`)
		gittest.Write(t, filepath.Join(dir, "agents", "agent.yaml"), strings.Replace(plannedAgent, `cpu: "1"`,
			`cpu: "`+c.asks+`"`, 1))
		r := daemongate(t, "", "plan", filepath.Join(dir, "agents"), "-n", "planned", "-f", dump)
		first, _, _ := strings.Cut(r.stdout, "\n\n")
		yaml := daemongate(t, "", "plan", filepath.Join(dir, "agents"), "-n", "planned", "-f", dump, "-o", "yaml")
		if yaml.code != c.code || !strings.Contains(yaml.stdout, "\noutcome: ") {
			t.Errorf("%s, as YAML: exit code %d\n%s%s", name, yaml.code, yaml.stdout, yaml.stderr)
		}
		if r.code != c.code || !strings.Contains(strings.Join(strings.Fields(first), " "), c.says) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", name, r.code, c.code, r.stdout, r.stderr)
		}
	}
}
