package controller

import (
	"context"
	"fmt"
	"regexp"

	"github.com/sirupsen/logrus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// ClusterNameUsage explains the flag that names the cluster.
const ClusterNameUsage = "name of the cluster in what Git hosts are told " +
	"(default: the first 8 characters of the UID of kube-system)"

var goodClusterName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// CheckClusterName refuses what is not fit to name a cluster to a Git host.
func CheckClusterName(name string) error {
	if name != "" && !goodClusterName.MatchString(name) {
		return fmt.Errorf("--cluster-name %q: want letters, digits, dots and dashes, 63 at most", name)
	}
	return nil
}

// nameOfCluster is what was asked for, or else the beginning of the UID of kube-system, which no two clusters share and
// which stays. Without the right to read it the name is default.
func nameOfCluster(ctx context.Context, core corev1.NamespacesGetter, asked string, log logrus.FieldLogger,
) (string, error) {
	if err := CheckClusterName(asked); err != nil || asked != "" {
		return asked, err
	}
	namespace, err := core.Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		log.WithError(err).Warn("the cluster has no name: Git hosts are told of the cluster default; " +
			"set --cluster-name if there are several")
		return "default", nil
	case err != nil:
		return "", fmt.Errorf("name of the cluster: %w", err)
	}
	uid := string(namespace.UID)
	return uid[:min(8, len(uid))], nil
}
