package main

import (
	"errors"
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
	var o install.Options
	var export bool
	c := &cobra.Command{
		Use:   "install",
		Short: "Install the Sync resource and the controller in a cluster",
		Long: `Install the Sync resource and the controller in a cluster, in the namespace daemongate-system.

The controller itself writes what it is its own to keep: the status of Syncs, Events, the ConfigMaps with what Git
hosts are yet to be told, and the Lease that it holds while it works, in the same namespace. What a Sync writes, it
writes as the ServiceAccount that the Sync names in spec.apply.serviceAccountName; one that names none is refused.

So the controller may act as every ServiceAccount, and read every Secret, of the namespaces whose Syncs it looks after.
By default these are all namespaces, and then whoever controls the controller has every right that any ServiceAccount
of the cluster has. With --namespaces it has these rights in the named namespaces alone, which must be there. What it
reads to judge rollouts it reads of the whole cluster: DaemonSets, their revisions, pods, nodes and Events. What an
earlier installation was granted beyond that is taken back. docs/security.md says what a tenant can reach.`,
		Example: "  daemongate install --image registry.example.com/daemongate:v1\n  daemongate install --image … " +
			"--export | kubectl diff -f -",
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkInstall(k.namespace, o); err != nil {
				return usage(c, err)
			}
			objects, err := install.All(o)
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
	c.Flags().StringVar(&o.Image, "image", "", "image of the controller")
	c.Flags().StringVar(&o.ClusterName, "cluster-name", "", controller.ClusterNameUsage)
	c.Flags().StringSliceVar(&o.Namespaces, "namespaces", nil,
		"look after the Syncs of these namespaces, with rights in no others: a,b (default: all)")
	c.Flags().BoolVar(&o.Page, "http", false, "have the controller serve the page, in Service daemongate-page")
	c.Flags().BoolVar(&o.PageActions, "http-actions", false, "with --http: have the page also do what people ask for")
	c.Flags().BoolVar(&export, "export", false, "print the manifests instead")
	return c
}

// checkInstall says which flag is missing, or does not go with the others.
func checkInstall(namespace string, o install.Options) error {
	switch {
	case o.Image == "":
		return errors.New("--image is missing: which image holds daemongate?")
	case namespace != "" && namespace != install.Owner.Namespace:
		return fmt.Errorf("--namespace %s: Daemongate is installed in namespace %s; whose Syncs it looks after is "+
			"said by --namespaces", namespace, install.Owner.Namespace)
	}
	if err := controller.CheckClusterName(o.ClusterName); err != nil {
		return err
	}
	if err := install.CheckNamespaces(o.Namespaces); err != nil {
		return err
	}
	if o.PageActions && !o.Page {
		return errors.New("--http-actions: the page is not served, give --http too")
	}
	return nil
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
