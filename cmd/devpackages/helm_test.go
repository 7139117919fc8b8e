package devpackages

import (
	"path/filepath"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// Helm installs the chart and waits until the Deployment is Ready: with it the controller gets ready and rolls out a
// commit. An upgrade to one namespace takes the rights in all others back, and uninstalling leaves the Sync and what it
// has written.
func TestTheChartRollsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	folder := filepath.Join(w.dir, "chart")
	daemongate(t, "install", "--image", anyImage, "--export-chart", folder)
	chart, err := loader.Load(folder)
	check(t, err)
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig, flags.Namespace = &w.Kubeconfig, new(string)
	*flags.Namespace = system
	helm := action.NewConfiguration()
	check(t, helm.Init(flags, system, ""))

	install := action.NewInstall(helm)
	install.ReleaseName, install.Namespace, install.CreateNamespace = "daemongate", system, true
	install.WaitStrategy, install.Timeout = kube.StatusWatcherStrategy, 3*time.Minute
	_, err = install.Run(chart, map[string]any{"requestCPU": "250m", "requestMemory": "512Mi", "limitMemory": "1400Mi"})
	check(t, err)
	w.takes(t, "250m", "512Mi", "1400Mi")
	w.isRestricted(t)
	w.rollsOut(t)

	upgrade := action.NewUpgrade(helm)
	upgrade.Namespace, upgrade.WaitStrategy, upgrade.Timeout = system, kube.StatusWatcherStrategy, 3*time.Minute
	_, err = upgrade.Run("daemongate", chart, map[string]any{"namespaces": []any{"platform"}})
	check(t, err)
	if _, err := w.kube.RbacV1().ClusterRoleBindings().Get(t.Context(), "daemongate-syncs",
		metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the rights in all namespaces are still there: %v", err)
	}
	_, err = w.kube.RbacV1().RoleBindings("platform").Get(t.Context(), "daemongate-syncs", metav1.GetOptions{})
	check(t, err)

	uninstall := action.NewUninstall(helm)
	uninstall.WaitStrategy, uninstall.Timeout = kube.StatusWatcherStrategy, 3*time.Minute
	_, err = uninstall.Run("daemongate")
	check(t, err)
	_, err = w.kube.AppsV1().Deployments(system).Get(t.Context(), "daemongate", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the controller is still there: %v", err)
	}
	_, err = w.client.Resource(syncs).Namespace("platform").Get(t.Context(), "agents", metav1.GetOptions{})
	check(t, err)
	_, err = w.kube.AppsV1().DaemonSets("platform").Get(t.Context(), "agent", metav1.GetOptions{})
	check(t, err)
}

// isRestricted labels the namespace as the chart's notes say, and holds that the controller's pod may be in it.
func (w *world) isRestricted(t *testing.T) {
	t.Helper()
	_, err := w.kube.CoreV1().Namespaces().Patch(t.Context(), system, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`), metav1.PatchOptions{})
	check(t, err)
	d, err := w.kube.AppsV1().Deployments(system).Get(t.Context(), "daemongate", metav1.GetOptions{})
	check(t, err)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "like-the-controller"}, Spec: d.Spec.Template.Spec}
	_, err = w.kube.CoreV1().Pods(system).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	check(t, err)
}
