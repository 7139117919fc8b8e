package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/cmd/daemongate/controller"
	"github.com/daemongate/daemongate/cmd/daemongate/fit"
	"github.com/daemongate/daemongate/cmd/daemongate/migrate"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/manifests/packages"
	"github.com/daemongate/daemongate/render/child"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
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
	inOneLine(c.Flags().Lookup("namespaces"))
	c.Flags().BoolVar(&i.Page, "http", false, "have the controller serve the page, in Service daemongate-page")
	c.Flags().BoolVar(&i.PageActions, "http-actions", false, "with --http: have the page also do what people ask for")
	i.addResources(c.Flags())
	c.Flags().BoolVar(&i.Monitoring, "monitoring", false,
		"also a PodMonitor, alerts and a dashboard: for Prometheus' operator, which must be there, and Grafana")
	c.Flags().BoolVar(&i.export, "export", false, "print the manifests instead, or write a kustomize base to a folder")
	c.Flags().StringVar(&i.chart, "export-chart", "", "write a Helm chart to this folder instead")
	return c
}

// oneLine is a list of which pflag would take the first line, and leave the others without a word.
type oneLine struct{ pflag.Value }

// Set takes the list if it is in one line.
func (o oneLine) Set(text string) error {
	if strings.ContainsAny(text, "\r\n") {
		return errors.New("want one line, with commas between the names")
	}
	return o.Value.Set(text)
}

// inOneLine refuses a list of several lines, such as what another command has printed.
func inOneLine(f *pflag.Flag) { f.Value = oneLine{f.Value} }

// addResources adds the flags for installations of more than some hundred Syncs.
func (i *installation) addResources(f *pflag.FlagSet) {
	d := install.DefaultResources
	f.StringVar(&i.Resources.CPURequest, "request-cpu", d.CPURequest,
		"processor that the controller asks for, such as 250m")
	f.StringVar(&i.Resources.MemoryRequest, "request-memory", d.MemoryRequest,
		"memory that it asks for; docs/operate.md says how much by the number of Syncs")
	f.StringVar(&i.Resources.MemoryLimit, "limit-memory", d.MemoryLimit,
		"memory that it may take, of which 1Gi is for renders")
}

func (i *installation) run(c *cobra.Command, folder []string) error {
	if err := i.check(c.Flags(), folder); err != nil {
		return usage(c, err)
	}
	switch {
	case i.chart != "":
		files, err := packages.Chart(i.Options, thisBuild().Version)
		if err != nil {
			return err
		}
		return exported(c.OutOrStdout(), files, i.chart)
	case len(folder) > 0:
		files, err := packages.Kustomize(i.Options)
		if err != nil {
			return err
		}
		return exported(c.OutOrStdout(), files, folder[0])
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
	_, err = fmt.Fprintf(c.OutOrStdout(), "installed %d objects; next: a ServiceAccount for a Sync, and daemongate "+
		"create sync (docs/install.md)\n", len(objects))
	return err
}

// check says what of the command line cannot be, or is an empty variable.
func (i *installation) check(flags *pflag.FlagSet, folder []string) error {
	if err := checkInstall(i.namespace, i.Options); err != nil {
		return err
	}
	switch {
	case flags.Changed("namespaces") && len(i.Namespaces) == 0:
		return errors.New("--namespaces names none: leave the flag out for all namespaces")
	case flags.Changed("export-chart") && i.chart == "" || len(folder) > 0 && folder[0] == "":
		return errors.New("the folder to export to has no name")
	case i.export && i.chart != "" || len(folder) > 0 && !i.export:
		return errors.New("a folder goes with --export or with --export-chart, and with one of them")
	}
	return nil
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
	if err := errors.Join(install.CheckImage(o.Image), controller.CheckClusterName(o.ClusterName)); err != nil {
		return err
	}
	if err := install.CheckNamespaces(o.Namespaces); err != nil {
		return err
	}
	if err := o.Resources.Check(child.DefaultTotal, controller.LeastMemory); err != nil {
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

// exported writes a package to a folder, and says so.
func exported(out io.Writer, files packages.Files, folder string) error {
	if err := files.Write(folder); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "wrote %s to %s\n", english.Count(len(files), "file"), folder)
	return err
}

func newUninstall() *cobra.Command {
	var k cluster
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Take the controller out of a cluster, and leave what it has written",
		Long: `Delete the controller, its rights, and all else that install has written, but not the Syncs, their definition, the
namespace daemongate-system, nor anything that a Sync has written: DaemonSets go on running as they are.

A Sync cannot be deleted while no controller runs, since it is the controller that lets go of what the Sync has written,
or deletes it, as spec.deletionPolicy says. So whoever wants the Syncs gone too deletes them first.

What was installed by Helm or by kubectl is not deleted: it says so.`,
		Example: "  daemongate uninstall\n  kubectl delete syncs -A --all && daemongate uninstall && kubectl delete " +
			"crd syncs.daemongate.io",
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			config, _, err := k.connect()
			if err != nil {
				return err
			}
			u, err := install.Uninstall(c.Context(), config)
			if err != nil {
				return err
			}
			return tellUninstalled(c.Context(), c.OutOrStdout(), &k, u)
		},
	}
	k.addTo(c.Flags())
	return c
}

// tellUninstalled says what is gone and what was left.
func tellUninstalled(ctx context.Context, out io.Writer, k *cluster, u install.Uninstalled) error {
	_, _ = fmt.Fprintf(out, "deleted %s\n", english.Count(len(u.Gone), "object"))
	if len(u.Theirs) > 0 {
		_, _ = fmt.Fprintf(out, "left %s that daemongate install has not written, such as %s: helm uninstall or "+
			"kubectl delete takes them away\n", english.Count(len(u.Theirs), "object"), u.Theirs[0])
	}
	syncs, _, err := k.syncs()
	if err != nil {
		return err
	}
	list, err := syncs.List(ctx, "")
	if apierrors.IsNotFound(err) {
		return nil // nor is there a definition
	}
	if err != nil {
		return fmt.Errorf("list the Syncs that are left: %w", err)
	}
	written := 0
	for _, s := range list {
		written += len(s.Status.Inventory)
		if stored := s.Status.StoredInventory; stored != nil {
			written += stored.Objects
		}
	}
	if len(list) == 0 {
		_, err = fmt.Fprintf(out, "left the definition of Syncs, of which there are none: kubectl delete crd %s takes "+
			"it away\n", api.Resource.GroupResource())
		return err
	}
	_, err = fmt.Fprintf(out, "left %s, with %s that they have written; nobody looks after them now\n",
		english.Count(len(list), "Sync"), english.Count(written, "object"))
	return err
}

// newCheck is in the package of what it looks at.
func newCheck() *cobra.Command {
	k, format := &cluster{}, formatTable
	return fit.New(fit.Program{Version: thisBuild().Version, NoArgs: arguments(cobra.NoArgs), Flags: k.addTo,
		Connect: k.connect, AddFormat: format.addTo, Unfit: failed,
		Print: func(w io.Writer, value any, table func(io.Writer) error) error {
			return format.print(w, value, table)
		}})
}

// newMigrate is in a package of its own.
func newMigrate() *cobra.Command {
	k := &cluster{}
	return migrate.New(migrate.Program{NoArgs: arguments(cobra.NoArgs), Flags: k.addTo, Connect: k.connect})
}
