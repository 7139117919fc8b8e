package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/observe"
)

// daemonSets are live DaemonSets that somebody names, as kubectl has them named: TYPE/NAME, or by labels. No Sync need
// know them.
type daemonSets struct {
	names    []string
	selector string
	all      bool // namespaces
}

func (d *daemonSets) addTo(f *pflag.FlagSet) {
	f.StringVarP(&d.selector, "selector", "l", "", "the DaemonSets with these labels, such as app=agent")
	f.BoolVarP(&d.all, "all-namespaces", "A", false, "the DaemonSets of all namespaces")
}

// daemonSetName takes the type off an argument that names a DaemonSet; not ok if it names something else.
func daemonSetName(arg string) (name string, ok bool) {
	kind, name, found := strings.Cut(arg, "/")
	return name, found && name != "" && isDaemonSetWord(kind)
}

// isDaemonSetWord reports whether kubectl takes a word for the type DaemonSet.
func isDaemonSetWord(kind string) bool {
	switch strings.ToLower(kind) {
	case "ds", "daemonset", "daemonsets", "daemonset.apps", "daemonsets.apps", "daemonset.v1.apps",
		"daemonsets.v1.apps":
		return true
	}
	return false
}

// withTypes gives each name its type where kubectl's other way of naming was used: TYPE NAME... .
func withTypes(args []string) []string {
	if len(args) < 2 || !isDaemonSetWord(args[0]) {
		return args
	}
	var named []string
	for _, name := range args[1:] {
		if !strings.Contains(name, "/") {
			name = "ds/" + name
		}
		named = append(named, name)
	}
	return named
}

// take takes over the arguments. It is not ok if none of them, and no flag, is about live DaemonSets.
func (d *daemonSets) take(args []string) (ok bool, err error) {
	var others []string
	if len(args) == 1 && isDaemonSetWord(args[0]) && d.selector != "" { // ds -l a=b
		args = nil
	}
	for _, arg := range withTypes(args) {
		if name, ok := daemonSetName(arg); ok {
			d.names = append(d.names, name)
		} else {
			others = append(others, arg)
		}
	}
	asked := len(d.names) > 0 || d.selector != "" || d.all
	switch {
	case asked && len(others) > 0:
		return true, fmt.Errorf("%s: is no DaemonSet: write ds/NAME", others[0])
	case len(d.names) > 0 && (d.selector != "" || d.all):
		return true, errors.New("name DaemonSets, or choose them with -l or -A, not both")
	}
	return asked, nil
}

// find reads the DaemonSets. Names must all exist.
func (d *daemonSets) find(ctx context.Context, clients observe.Clients, namespace string) ([]*appsv1.DaemonSet, error) {
	if len(d.names) == 0 {
		return d.list(ctx, clients, namespace)
	}
	var found []*appsv1.DaemonSet
	for _, name := range d.names {
		one, err := clients.Apps.DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("DaemonSet %s/%s: does not exist (see `kubectl -n %s get ds`, or give another "+
				"namespace with -n)", namespace, name, namespace)
		}
		if err != nil {
			return nil, fmt.Errorf("DaemonSet %s/%s: %w", namespace, name, err)
		}
		found = append(found, one)
	}
	return found, nil
}

func (d *daemonSets) list(ctx context.Context, clients observe.Clients, namespace string) ([]*appsv1.DaemonSet, error) {
	where := "namespace " + namespace
	if d.all {
		namespace, where = metav1.NamespaceAll, "the cluster"
	}
	list, err := clients.Apps.DaemonSets(namespace).List(ctx, metav1.ListOptions{LabelSelector: d.selector})
	if d.all && apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("DaemonSets of %s: %w: in place of -A name a namespace in which you may, with -n", where,
			err)
	}
	if err != nil {
		return nil, fmt.Errorf("DaemonSets of %s: %w", where, err)
	}
	if len(list.Items) == 0 && d.selector != "" {
		return nil, fmt.Errorf("no DaemonSet of %s has the labels %s", where, d.selector)
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("there is no DaemonSet in %s", where)
	}
	var found []*appsv1.DaemonSet
	for i := range list.Items {
		found = append(found, &list.Items[i])
	}
	return found, nil
}
