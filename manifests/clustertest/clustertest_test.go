package clustertest

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A test gets a cluster whose API server it trusts by its CA, with as many nodes as it asked for, all Ready, and can
// clone from its Git server.
func TestClusterIsReadyWhenStartReturns(t *testing.T) {
	c := Start(t, Options{Nodes: 3})
	if c.Config.Insecure || len(c.Config.CAData) == 0 {
		t.Error("the kubeconfig does not check the API server's certificate")
	}
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 3 {
		t.Fatalf("nodes: %d (%v), want 3", len(nodes.Items), err)
	}
	for _, n := range nodes.Items {
		if len(n.Spec.Taints) > 0 {
			t.Errorf("%s is tainted: %v", n.Name, n.Spec.Taints)
		}
	}
	url, err := c.CreateRepo("fleet")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("git", "ls-remote", url).CombinedOutput(); err != nil {
		t.Errorf("git ls-remote %s: %v: %s", url, err, out)
	}
}

// A command that the cluster refuses says why.
func TestDevclusterReturnsWhatTheCommandSaid(t *testing.T) {
	c := Start(t, Options{Nodes: 1})
	if err := c.Devcluster("fail-node", "node-099"); err == nil || !strings.Contains(err.Error(), "node-099") {
		t.Errorf("fail-node of a node that is not there: %v", err)
	}
}

// After the test nothing of the cluster runs any more.
func TestClusterEndsWithItsTest(t *testing.T) {
	var config *kubernetes.Clientset
	t.Run("inner", func(t *testing.T) {
		c := Start(t, Options{Nodes: 1})
		client, err := kubernetes.NewForConfig(c.Config)
		if err != nil {
			t.Fatal(err)
		}
		config = client
	})
	if config == nil {
		t.Skip("needs a cluster")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if _, err := config.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err == nil || ctx.Err() != nil {
		t.Errorf("the API server still answers: %v", err)
	}
}

// Without the binary the test fails: a test that is skipped in silence proves nothing.
func TestWithoutTheBinaryStartFails(t *testing.T) {
	t.Setenv("DEVCLUSTER", "")
	if _, _, err := StartMain(); err == nil || !strings.Contains(err.Error(), "make test") {
		t.Errorf("without $DEVCLUSTER: %v, want an error that says to run make test", err)
	}
}
