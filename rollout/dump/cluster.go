package dump

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/storage"
)

// Cluster is a dump as a whole.
type Cluster struct {
	Dump
	Nodes   []*corev1.Node
	Others  rollout.Others
	Classes []*schedulingv1.PriorityClass
	Quotas  []*corev1.ResourceQuota
	Storage *storage.Look
	named   []*Named
}

// Named is an object of which only the name is kept, and of a ConfigMap or Secret the names of its keys: no value.
type Named struct {
	Kind, Namespace, Name string
	Keys                  []string
}

// ReadCluster reads a dump as Read does, also one without a DaemonSet, and with what says whether another one would
// fit: all nodes and pods, and which objects there are that pods need.
func ReadCluster(at time.Time, files ...File) (Cluster, error) {
	d := dumped{names: true}
	for _, f := range files {
		if err := d.readFile(f); err != nil {
			return Cluster{}, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	now := at
	if now.IsZero() {
		now = d.newest()
	}
	d.forgetAfter(now)
	c := Cluster{Nodes: d.nodes, Others: d.others(), Classes: d.classes, Quotas: d.quotas, Storage: d.volumes(),
		named: d.named}
	c.Dump = d.dump(now, c.Others)
	return c, nil
}

// Find looks for an object that a pod needs. It is not known whether it is there if the dump has nothing of its kind.
func (c *Cluster) Find(kind, namespace, name string) (found *Named, known bool) {
	for _, n := range c.named {
		if n.Kind != kind || n.Namespace != namespace {
			continue
		}
		if known = true; n.Name == name {
			return n, true
		}
	}
	return nil, known
}

// needed are the kinds that pods need, of which only names are kept.
var needed = map[kind]bool{{"v1", "ServiceAccount"}: true, {"v1", "ConfigMap"}: true, {"v1", "Secret"}: true,
	{"v1", "PersistentVolumeClaim"}: true, {"node.k8s.io/v1", "RuntimeClass"}: true,
	{"scheduling.k8s.io/v1", "PriorityClass"}: true}

// names is an object as far as its name and keys go. What stands behind a key is passed over.
type names struct {
	metav1.ObjectMeta `json:"metadata"`

	Data       map[string]passed `json:"data"`
	BinaryData map[string]passed `json:"binaryData"`
	StringData map[string]passed `json:"stringData"`
}

// passed takes in a value and keeps nothing of it.
type passed struct{}

// UnmarshalJSON keeps nothing.
func (passed) UnmarshalJSON([]byte) error { return nil }

func (n *names) named(kind string) *Named {
	named := &Named{Kind: kind, Namespace: n.Namespace, Name: n.Name}
	for _, keys := range []map[string]passed{n.Data, n.BinaryData, n.StringData} {
		for key := range keys {
			named.Keys = append(named.Keys, key)
		}
	}
	return named
}
