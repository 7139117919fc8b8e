package trim_test

import (
	"fmt"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/trim"
)

// Nodes that are alike share what is equal, and none gets what is another one's: each is kept as if it was alone, and
// what was given is left as it is.
func TestNodesShareWhatIsEqual(t *testing.T) {
	var nodes trim.Nodes
	var kept []*corev1.Node
	for i := range 12 {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", i), Labels: map[string]string{
			corev1.LabelHostname: fmt.Sprint("node-", i), corev1.LabelInstanceTypeStable: fmt.Sprint("type-", i%2)}}}
		n.Status.Allocatable = corev1.ResourceList{"cpu": resource.MustParse(fmt.Sprint(1 + i/4))}
		n.Spec.Taints = []corev1.Taint{{Key: fmt.Sprint("taint-", i/6)}}
		n.Status.DeclaredFeatures = []string{fmt.Sprint("feature-", i/6)}
		given := n.DeepCopy()
		kept = append(kept, nodes.Trim(n))
		if want := trim.Node(given); !equality.Semantic.DeepEqual(kept[i], want) {
			t.Errorf("%s: %+v, want %+v", n.Name, kept[i], want)
		}
		if again := nodes.Trim(kept[i]); !equality.Semantic.DeepEqual(again, kept[i]) || !reflect.DeepEqual(n, given) {
			t.Errorf("%s: trimmed again it is %+v", n.Name, again)
		}
	}
	same := func(a, b *corev1.Node) bool {
		return reflect.ValueOf(a.Status.Allocatable).Pointer() == reflect.ValueOf(b.Status.Allocatable).Pointer()
	}
	if !same(kept[0], kept[2]) || same(kept[0], kept[1]) || same(kept[2], kept[4]) {
		t.Error("not those share what they have that have the same")
	}
}
