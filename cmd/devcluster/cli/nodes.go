package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/cmd/devcluster/cluster"
	"github.com/daemongate/daemongate/cmd/devcluster/kubelet"
)

// nodeCommands act on the nodes of a cluster that is up.
func nodeCommands(s *settings) []*cobra.Command {
	var cpu, memory string
	fill := s.onNode("fill-node NAME", "Put a pod on the node that takes this much away",
		func(ctx context.Context, c kubernetes.Interface, name string) error {
			return cluster.FillNode(ctx, c, name, cpu, memory)
		})
	fill.Flags().StringVar(&cpu, "cpu", "", "such as 7500m")
	fill.Flags().StringVar(&memory, "memory", "", "such as 30Gi")
	return []*cobra.Command{
		{Use: "nodes", Short: "List the nodes", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return s.withClient(func(client kubernetes.Interface) error {
				return listNodes(c.Context(), client,
					s.out)
			})
		}},
		s.onNode("fail-node NAME", "End the node's kubelet: its Lease stops, later it is NotReady, its pods stay as "+
			"they are", cluster.FailNode),
		s.onNode("heal-node NAME", "Start the node's kubelet again", cluster.HealNode),
		s.onNode("cordon NAME", "Keep pods that do not tolerate it away from the node", cluster.Cordon),
		s.onNode("uncordon NAME", "Take pods again", cluster.Uncordon),
		s.onNode("remove-node NAME", "Delete the node", cluster.RemoveNode),
		fill,
		s.onNode("empty-node NAME", "Take away what fill-node put there", cluster.EmptyNode),
		{Use: "add-node", Short: "Add one node and print its name", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return s.withClient(func(client kubernetes.Interface) error {
					name, err := cluster.AddNode(c.Context(), client)
					if err == nil {
						s.printf("%s\n", name)
					}
					return err
				})
			}},
	}
}

// onNode is a command that does one thing to one node.
func (s *settings) onNode(use, short string, do func(context.Context, kubernetes.Interface,
	string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return s.withClient(func(client kubernetes.Interface) error { return do(c.Context(), client, args[0]) })
		}}
}

func (s *settings) withClient(do func(kubernetes.Interface) error) error {
	folder, err := s.folder()
	if err != nil {
		return err
	}
	client, err := folder.Client()
	if err != nil {
		return err
	}
	return do(client)
}

func listNodes(ctx context.Context, client kubernetes.Interface, out io.Writer) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATUS\tKUBELET\tZONE\tPOOL\tCPU\tMEMORY\tPODS")
	for i := range nodes.Items {
		n := &nodes.Items[i]
		life, size := "dead", n.Status.Allocatable
		if n.Labels[kubelet.AliveLabel] == kubelet.Alive {
			life = kubelet.Alive
		}
		fmt.Fprintln(table, strings.Join([]string{n.Name, status(n), life, n.Labels[corev1.LabelTopologyZone],
			n.Labels["pool"],
			size.Cpu().String(), size.Memory().String(), size.Pods().String()}, "\t"))
	}
	return table.Flush()
}

func status(n *corev1.Node) string {
	s := "NotReady"
	if cluster.Ready(n) {
		s = "Ready"
	}
	if n.Spec.Unschedulable {
		s += ",SchedulingDisabled"
	}
	return s
}
