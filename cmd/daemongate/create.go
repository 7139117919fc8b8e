package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// newCreate makes what can be made by a command line.
func newCreate() *cobra.Command {
	c := &cobra.Command{Use: "create", Short: "Create a Sync", Args: cobra.ArbitraryArgs, RunE: helpOrUnknown}
	c.AddCommand(newCreateSync())
	return c
}

// newCreateSync creates a Sync, or prints it.
func newCreateSync() *cobra.Command {
	var k cluster
	var n newSyncOptions
	var export bool
	c := &cobra.Command{
		Use:   "sync NAME",
		Short: "Create a Sync, or print it with --export",
		Long: `Create a Sync in the namespace of the kubeconfig's context, or of -n. The API server checks it, and nothing is
created that it refuses. Fields without a flag are in docs/sync.md: print the Sync with --export, and add them. What is
printed is checked by nobody before it is applied; kubectl apply --dry-run=server -f FILE has the API server do so.`,
		Example: `  daemongate create sync node-agents --url https://git.example.com/fleet.git --path agents --service-account deployer
  daemongate create sync node-agents --url … --service-account deployer --export > sync.yaml`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if n.url == "" {
				return usage(c, errors.New("--url is missing: which repository holds the agents?"))
			}
			if refs := n.refs(); refs > 1 {
				return usage(c, errors.New("--branch, --tag and --semver: give one of them"))
			}
			if problems := validation.IsDNS1123Subdomain(args[0]); len(problems) > 0 {
				return usage(c, fmt.Errorf("%q is no name of a Sync: %s", args[0], problems[0]))
			}
			if export {
				u := n.sync(args[0])
				u.SetNamespace(k.namespace)
				return printObjects(c.OutOrStdout(), []*unstructured.Unstructured{u})
			}
			return create(c, &k, n.sync(args[0]))
		},
	}
	k.addTo(c.Flags())
	n.addTo(c)
	c.Flags().BoolVar(&export, "export", false, "print the Sync instead, and ask no cluster")
	return c
}

// newSyncOptions are the fields of a Sync that have a flag.
type newSyncOptions struct {
	url, branch, tag, semver, path, interval, secret, account, onStuck, deletion string
	report, reportSecret                                                         string
	suspend                                                                      bool
}

func (n *newSyncOptions) addTo(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&n.url, "url", "", "URL of the repository")
	f.StringVar(&n.branch, "branch", "", "branch to follow (default: main)")
	f.StringVar(&n.tag, "tag", "", "tag to follow")
	f.StringVar(&n.semver, "semver", "", "range of versions whose highest tag is followed, such as '>=1.2 <2'")
	f.StringVar(&n.path, "path", "", "folder to render (default: the root)")
	f.StringVar(&n.interval, "interval", "", "between two polls, such as 30s (default: 1m)")
	f.StringVar(&n.secret, "secret", "", "Secret with the credentials for the repository: docs/credentials.md")
	f.StringVar(&n.account, "service-account", "", "ServiceAccount with whose rights everything is written")
	f.StringVar(&n.onStuck, "on-stuck", "", "Release, Hold or Rollback (default: Release)")
	f.StringVar(&n.report, "report", "", "where the state of each commit is written: Notes, GitHub, GitLab, Gitea, "+
		"BitbucketCloud or BitbucketDataCenter (default: None)")
	f.StringVar(&n.reportSecret, "report-secret", "",
		"Secret with the token for that: needed but for Notes; docs/hosts")
	f.StringVar(&n.deletion, "deletion-policy", "", "what becomes of the objects with the Sync: Orphan or Prune "+
		"(default: Orphan)")
	f.BoolVar(&n.suspend, "suspend", false, "create it suspended")
}

// refs counts the refs that are named.
func (n *newSyncOptions) refs() (count int) {
	for _, ref := range []string{n.branch, n.tag, n.semver} {
		if ref != "" {
			count++
		}
	}
	return count
}

// sync is the Sync, with no field that has no value: the API server sets the defaults.
func (n *newSyncOptions) sync(name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(api.Kind)
	u.SetName(name)
	for _, field := range []struct {
		value any
		path  []string
	}{
		{n.url, []string{"source", "url"}},
		{n.branch, []string{"source", "ref", "branch"}},
		{n.tag, []string{"source", "ref", "tag"}},
		{n.semver, []string{"source", "ref", "semver"}},
		{n.path, []string{"source", "path"}},
		{n.interval, []string{"source", "interval"}},
		{n.secret, []string{"source", "secretRef", "name"}},
		{n.account, []string{"apply", "serviceAccountName"}},
		{n.onStuck, []string{"gate", "onStuck"}},
		{n.report, []string{"report", "provider"}},
		{n.reportSecret, []string{"report", "secretRef", "name"}},
		{n.deletion, []string{"deletionPolicy"}},
		{n.suspend, []string{"suspend"}},
	} {
		if field.value != "" && field.value != false {
			// It fails where a field is in the way that is no object, and there is none.
			_ = unstructured.SetNestedField(u.Object, field.value, append([]string{"spec"}, field.path...)...)
		}
	}
	return u
}

// create has the API server create a Sync, and says what to do next.
func create(c *cobra.Command, k *cluster, u *unstructured.Unstructured) error {
	config, namespace, err := k.connect()
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("cluster connection: %w", err)
	}
	_, err = client.Resource(api.Resource).Namespace(namespace).Create(c.Context(), u,
		metav1.CreateOptions{FieldManager: fieldManager, FieldValidation: metav1.FieldValidationStrict})
	name := fmt.Sprintf("Sync %s/%s", namespace, u.GetName())
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s: %w: is Daemongate installed (daemongate install), and is the namespace there?", name,
			err)
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%s: is there already: `kubectl -n %s edit sync %s`, or delete it first", name, namespace,
			u.GetName())
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, found, _ := unstructured.NestedString(u.Object, "spec", "apply", "serviceAccountName"); !found {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s names no ServiceAccount, which an installed controller refuses unless "+
			"it has --default-service-account: docs/sync.md, Rights\n", name)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "created %s; next: daemongate status %s -n %s\n", name, u.GetName(),
		namespace)
	return err
}
