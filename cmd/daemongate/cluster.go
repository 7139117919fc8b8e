package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/dynamic"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// cluster is where the commands find the API server, and in whose name they ask it: the flags that kubectl's users
// know.
type cluster struct {
	kubeconfig, context, namespace string
	as, asUID                      string
	asGroups                       []string
}

// addTo adds the flags of a command that somebody calls.
func (k *cluster) addTo(flags *pflag.FlagSet) {
	k.addPlace(flags)
	flags.StringVar(&k.as, "as", "", "user to impersonate, such as system:serviceaccount:NAMESPACE:NAME")
	flags.StringArrayVar(&k.asGroups, "as-group", nil, "group to impersonate; may be repeated")
	flags.StringVar(&k.asUID, "as-uid", "", "UID to impersonate")
}

// addPlace adds those flags that say where the API server is.
func (k *cluster) addPlace(flags *pflag.FlagSet) {
	flags.StringVar(&k.kubeconfig, "kubeconfig", "", "path of the kubeconfig file (default: $KUBECONFIG, "+
		"~/.kube/config, or the pod's own account)")
	flags.StringVar(&k.context, "context", "", "context of the kubeconfig file")
	flags.StringVarP(&k.namespace, "namespace", "n", "", "namespace (default: that of the context)")
}

func (k *cluster) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = k.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: k.context}
	overrides.Context.Namespace = k.namespace
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

// connect returns how to reach the API server, without client-go's own limit on requests, and the namespace.
func (k *cluster) connect() (*rest.Config, string, error) {
	loader := k.loader()
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, "", errors.New("no cluster to talk to: there is no kubeconfig file, and this is no pod (give " +
			"--kubeconfig or set KUBECONFIG)")
	}
	if err != nil {
		return nil, "", fmt.Errorf("no cluster to talk to: %w (give --kubeconfig or set KUBECONFIG)", err)
	}
	if err := k.impersonate(config); err != nil {
		return nil, "", err
	}
	config.QPS = -1
	config.UserAgent = "daemongate/" + thisBuild().Version
	namespace, _, err := loader.Namespace()
	return config, namespace, err
}

// impersonate has everything be asked in the name of whom the flags say, whatever the kubeconfig says.
func (k *cluster) impersonate(config *rest.Config) error {
	switch {
	case k.as != "":
		config.Impersonate = rest.ImpersonationConfig{UserName: k.as, UID: k.asUID, Groups: k.asGroups}
	case k.asUID != "" || len(k.asGroups) > 0:
		return errors.New("--as-group and --as-uid: give --as too, which says who is of that group")
	}
	return nil
}

// syncs connects to the Syncs of the cluster.
func (k *cluster) syncs() (*sync.Syncs, string, error) {
	config, namespace, err := k.connect()
	if err != nil {
		return nil, "", err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, "", err
	}
	core, err := corev1.NewForConfig(config)
	if err != nil {
		return nil, "", err
	}
	syncs := sync.NewSyncs(client)
	syncs.Inventories.ConfigMaps = core
	return syncs, namespace, nil
}

// sync reads one Sync of the namespace, and returns with it where it was read from.
func (k *cluster) sync(ctx context.Context, name string) (*api.Sync, *sync.Syncs, error) {
	syncs, namespace, err := k.syncs()
	if err != nil {
		return nil, nil, err
	}
	s, err := syncs.Get(ctx, namespace, name)
	return s, syncs, err
}

// ofSyncs refuses arguments that can name no Sync, such as ds/agent, and says what to do with them.
func ofSyncs(c *cobra.Command, args []string) error {
	where := ""
	if f := c.Flags().Lookup("namespace"); f != nil && f.Value.String() != "" {
		where = " -n " + f.Value.String()
	}
	for _, name := range args {
		kind, _, typed := strings.Cut(name, "/")
		switch {
		case typed && isDaemonSetWord(kind):
			return fmt.Errorf("%s: is a DaemonSet, and this is about Syncs: see `daemongate explain %s` and `daemongate "+
				"rollout status %s`", name, name+where, name+where)
		case typed:
			return fmt.Errorf("%s: is no name of a Sync, which has no type before it; a namespace is given with -n",
				name)
		}
	}
	return nil
}

// written reads one Sync with its inventory, wherever that is kept. Where that cannot be read, unread says why, and the
// Sync is there without it.
func (k *cluster) written(ctx context.Context, name string) (s *api.Sync, unread, err error) {
	s, syncs, err := k.sync(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	_, unread = syncs.Inventories.Fill(ctx, s)
	return s, unread, nil
}
