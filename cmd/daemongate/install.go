package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/cmd/daemongate/controller"
	"github.com/daemongate/daemongate/manifests/install"
)

func newInstall() *cobra.Command {
	var k cluster
	var image, clusterName string
	var export bool
	c := &cobra.Command{
		Use:   "install",
		Short: "Install the Sync resource and the controller in a cluster",
		Long: `Install the Sync resource and the controller in a cluster, in the namespace daemongate-system.

The controller itself writes what it is its own to keep: the status of Syncs, Events, the ConfigMaps with what Git hosts are
yet to be told, and the Lease that it holds while it works, in the same namespace. What a Sync writes, it writes with the rights of the
ServiceAccount that the Sync names in spec.apply.serviceAccountName.`,
		Example: "  daemongate install --image registry.example.com/daemongate:v1\n  daemongate install --image … " +
			"--export | kubectl diff -f -",
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if image == "" {
				return usage(c, fmt.Errorf("--image is missing: which image holds daemongate?"))
			}
			if err := controller.CheckClusterName(clusterName); err != nil {
				return usage(c, err)
			}
			objects, err := install.All(install.Options{Image: image, ClusterName: clusterName})
			if err != nil {
				return err
			}
			if export {
				return printObjects(c.OutOrStdout(), objects)
			}
			config, _, err := k.connect()
			if err != nil {
				return err
			}
			if err := install.Apply(c.Context(), config, objects); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "installed %d objects; next: kubectl apply a Sync (docs/sync.md)\n",
				len(objects))
			return err
		},
	}
	k.addTo(c.Flags())
	c.Flags().StringVar(&image, "image", "", "image of the controller")
	c.Flags().StringVar(&clusterName, "cluster-name", "", controller.ClusterNameUsage)
	c.Flags().BoolVar(&export, "export", false, "print the manifests instead")
	return c
}

func printObjects(out io.Writer, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "---\n%s", text); err != nil {
			return err
		}
	}
	return nil
}
