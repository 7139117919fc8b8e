package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/cmd/daemongate/controller"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/manifests/packages"
)

// installation is what install was asked for.
type installation struct {
	cluster
	install.Options
	export bool
	chart  string // the folder for a chart
}

func newInstall() *cobra.Command {
	var i installation
	c := &cobra.Command{
		Use:   "install [--export [FOLDER]]",
		Short: "Install the Sync resource and the controller in a cluster",
		Long: `Install the Sync resource and the controller in a cluster, in the namespace daemongate-system.

The controller itself writes what it is its own to keep: the status of Syncs, Events, the ConfigMaps with what Git
hosts are yet to be told, and the Lease that it holds while it works, in the same namespace. What a Sync writes, it
writes as the ServiceAccount that the Sync names in spec.apply.serviceAccountName; one that names none is refused.

So the controller may act as every ServiceAccount, and read every Secret, of the namespaces whose Syncs it looks after.
By default these are all namespaces, and then whoever controls the controller has every right that any ServiceAccount
of the cluster has. With --namespaces it has these rights in the named namespaces alone, which must be there. What it
reads to judge rollouts it reads of the whole cluster: DaemonSets, their revisions, pods, nodes and Events. What an
earlier installation was granted beyond that is taken back. docs/security.md says what a tenant can reach.

With --export nothing is installed: the same objects are printed, or written to a folder as a base for kustomize. With
--export-chart they are written to a folder as a Helm chart, whose values are the flags. docs/install.md has examples.`,
		Example: "  daemongate install --image registry.example.com/daemongate:v1\n  daemongate install --image … " +
			"--export | kubectl diff -f -\n  daemongate install --image … --export-chart chart && helm install " +
			"daemongate chart -n daemongate-system --create-namespace",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: i.run,
	}
	i.addTo(c.Flags())
	c.Flags().StringVar(&i.Image, "image", "", "image of the controller")
	c.Flags().StringVar(&i.ClusterName, "cluster-name", "", controller.ClusterNameUsage)
	c.Flags().StringSliceVar(&i.Namespaces, "namespaces", nil,
		"look after the Syncs of these namespaces, with rights in no others: a,b (default: all)")
	c.Flags().BoolVar(&i.Page, "http", false, "have the controller serve the page, in Service daemongate-page")
	c.Flags().BoolVar(&i.PageActions, "http-actions", false, "with --http: have the page also do what people ask for")
	c.Flags().BoolVar(&i.export, "export", false, "print the manifests instead, or write a kustomize base to a folder")
	c.Flags().StringVar(&i.chart, "export-chart", "", "write a Helm chart to this folder instead")
	return c
}

func (i *installation) run(c *cobra.Command, folder []string) error {
	if err := checkInstall(i.namespace, i.Options); err != nil {
		return usage(c, err)
	}
	if i.export && i.chart != "" || len(folder) > 0 && !i.export {
		return usage(c, errors.New("a folder goes with --export or with --export-chart, and with one of them"))
	}
	switch {
	case i.chart != "":
		return exportTo(c.OutOrStdout(), i.chart, packages.ChartFile, func() (packages.Files, error) {
			return packages.Chart(i.Options, thisBuild().Version)
		})
	case len(folder) > 0:
		return exportTo(c.OutOrStdout(), folder[0], packages.KustomizeFile, func() (packages.Files, error) {
			return packages.Kustomize(i.Options)
		})
	}
	objects, err := install.All(i.Options)
	if err != nil {
		return err
	}
	if i.export {
		return printObjects(c.OutOrStdout(), objects)
	}
	config, _, err := i.connect()
	if err != nil {
		return err
	}
	if err := install.Apply(c.Context(), config, objects); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "installed %d objects; next: kubectl apply a Sync (docs/sync.md)\n",
		len(objects))
	return err
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
	text, err := packages.Text(objects)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// exportTo writes a package to a folder, in the place of one that an earlier export has written there. What is known by
// the same file, and was not written by us, stays.
func exportTo(out io.Writer, folder, known string, files func() (packages.Files, error)) error {
	at := filepath.Join(folder, known)
	there, err := os.ReadFile(at)
	if err == nil && !strings.HasPrefix(string(there), packages.MadeBy) {
		return fmt.Errorf("%s is there and was not made by daemongate install: give another folder", at)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	made, err := files()
	if err != nil {
		return err
	}
	for path, text := range made {
		path = filepath.Join(folder, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "wrote %d files to %s\n", len(made), folder)
	return err
}
