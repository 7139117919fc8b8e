package cli_test

import (
	"context"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/cmd/devcluster/cluster"
)

// The API server writes down what is written, with what was answered. It is killed, started again, and goes on with what
// it had, in the same log; the cluster stays up.
func TestAnAPIServerThatIsKilledComesBackAndWritesOn(t *testing.T) {
	t.Parallel()
	c := up(t, "--nodes=1", "--audit-log")
	write := func(name string) error {
		_, err := c.CoreV1().ConfigMaps("default").Create(context.Background(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"text": "answer-" + name}}, metav1.CreateOptions{})
		return err
	}
	if err := write("one"); err != nil {
		t.Fatal(err)
	}
	c.run("restart", "kube-apiserver")
	eventually(t, "a write after the restart", func() error { return write("two") })
	if _, err := c.CoreV1().ConfigMaps("default").Get(context.Background(), "one", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(cluster.Folder(c.dir).AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if !strings.Contains(string(text), "answer-"+name) {
			t.Errorf("nothing is written down of %s", name)
		}
	}
	if out, err := devcluster(t, "restart", "nobody", "--dir="+c.dir); err == nil || !strings.Contains(out, "nobody") {
		t.Errorf("restart of what does not run: %v: %s", err, out)
	}
}
