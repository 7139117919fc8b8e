package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// A volume that can be used on one node alone, the claim that is bound to it, and an agent that uses that.
const (
	diskOfNode2 = `{apiVersion: v1, kind: PersistentVolume, metadata: {name: disk}, spec: {capacity: {storage: 1Gi},
  accessModes: [ReadWriteMany], storageClassName: "", claimRef: {namespace: planned, name: data}, csi: {driver: disks.example.com,
  volumeHandle: disk}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname,
  operator: In, values: [node-002]}]}]}}}}`
	dataClaim = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: planned}, spec: {
  accessModes: [ReadWriteMany], storageClassName: "", volumeName: disk, resources: {requests: {storage: 1Gi}}}}`
	dataVolume = "      - {name: data, persistentVolumeClaim: {claimName: data}}\n      - name: all\n"
)

// withData is the agent with the claimed volume.
func withData(cpu string) string {
	return strings.Replace(strings.Replace(plannedAgent, "      - name: all\n", dataVolume, 1), `cpu: "1"`, "cpu: "+cpu, 1)
}

func typedAs[T any](t *testing.T, text string) *T {
	t.Helper()
	o := new(T)
	check(t, yaml.Unmarshal([]byte(text), o))
	return o
}

// volumes: where its volume keeps the agent is weighed, with what the cluster says of it.
func (p *planned) volumes() {
	p.t.Helper()
	ctx := p.t.Context()
	_, err := p.kube.CoreV1().PersistentVolumes().Create(ctx, typedAs[corev1.PersistentVolume](p.t, diskOfNode2),
		metav1.CreateOptions{})
	check(p.t, err)
	_, err = p.kube.CoreV1().PersistentVolumeClaims("planned").Create(ctx,
		typedAs[corev1.PersistentVolumeClaim](p.t, dataClaim), metav1.CreateOptions{})
	check(p.t, err)
	clustertest.Until(p.t, 2*time.Minute, "the claim to be bound", func() (string, bool) {
		c, err := p.kube.CoreV1().PersistentVolumeClaims("planned").Get(ctx, "data", metav1.GetOptions{})
		check(p.t, err)
		return string(c.Status.Phase), c.Status.Phase == corev1.ClaimBound
	})
	gittest.Write(p.t, filepath.Join(p.dir, "agent.yaml"), withData("1200m"))
	p.says("", 3, "DaemonSet planned/agent will not fit 2 of 3 nodes: volume data cannot go there",
		"node-001: volume data: PersistentVolume disk of PersistentVolumeClaim planned/data can be used only where "+
			"kubernetes.io/hostname in node-002")
	if comment := p.says("-o markdown", 3, "2 nodes: volume data cannot go there"); strings.Contains(comment, "node-00") {
		p.t.Errorf("it names a node:\n%s", comment)
	}
}

// A dump that has the volumes says the same; of one that has none it is named that nothing of them is known.
func TestAPlanByADumpWeighsItsVolumes(t *testing.T) {
	dir := t.TempDir()
	gittest.Write(t, filepath.Join(dir, "agents", "agent.yaml"), withData("100m"))
	gittest.Write(t, filepath.Join(dir, "agents", "kustomization.yaml"), "resources: [agent.yaml]\n")
	claim := typedAs[corev1.PersistentVolumeClaim](t, dataClaim)
	claim.Annotations = map[string]string{"pv.kubernetes.io/bind-completed": "yes"}
	claim.Status.Phase = corev1.ClaimBound
	var nodes []string
	for _, name := range []string{"node-001", "node-002"} {
		nodes = append(nodes, `{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "`+name+`", "labels": {
			"kubernetes.io/hostname": "`+name+`"}}, "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}}}`,
			`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "on-`+name+`", "namespace": "of-`+name+`"},
			"spec": {"nodeName": "`+name+`", "containers": [{"name": "shop", "image": "shop:v1"}]}}`)
	}
	class := `{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "usual"}, "provisioner": "x"}`
	inJSON := func(o runtime.Object) string {
		text, err := json.Marshal(o)
		check(t, err)
		return string(text)
	}
	disk := inJSON(typedAs[corev1.PersistentVolume](t, diskOfNode2))
	for name, c := range map[string]struct {
		items []string
		code  int
		says  string
	}{
		"with its volumes":    {append(nodes, disk, inJSON(claim), class), 3, "1 of 2 nodes: volume data cannot go there"},
		"without its volumes": {nodes, 0, "volumes: where a PersistentVolume can go, and how many of them a node takes"},
	} {
		dump := filepath.Join(dir, "dump.json")
		gittest.Write(t, dump, `{"apiVersion": "v1", "kind": "List", "items": [`+strings.Join(c.items, ",")+`]}`)
		r := daemongate(t, "", "plan", filepath.Join(dir, "agents"), "-n", "planned", "-f", dump)
		if r.code != c.code || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), c.says) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", name, r.code, c.code, r.stdout, r.stderr)
		}
	}
}
