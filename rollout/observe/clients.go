package observe

import (
	"fmt"
	"net/http"

	appsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	policyv1 "k8s.io/client-go/kubernetes/typed/policy/v1"
	schedulingv1 "k8s.io/client-go/kubernetes/typed/scheduling/v1"
	storagev1 "k8s.io/client-go/kubernetes/typed/storage/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/reflector"
)

// Clients are what an Observer reads with.
type Clients struct {
	Core interface {
		corev1.PodsGetter
		corev1.NodesGetter
		corev1.EventsGetter
		corev1.ResourceQuotasGetter
		corev1.PersistentVolumesGetter
		corev1.PersistentVolumeClaimsGetter
	}
	Apps interface {
		appsv1.DaemonSetsGetter
		appsv1.ControllerRevisionsGetter
		appsv1.ReplicaSetsGetter
		appsv1.StatefulSetsGetter
	}
	Leases  coordinationv1.LeasesGetter
	Budgets policyv1.PodDisruptionBudgetsGetter
	Classes schedulingv1.PriorityClassesGetter
	Storage storagev1.StorageV1Interface

	server *serverClock // nil: nobody listens for the API server's time
}

// Hears has what another client of the same cluster is answered tell the time there, too.
func (c Clients) Hears(next http.RoundTripper) http.RoundTripper { return listening{next, c.server} }

// NewClients makes the clients for one cluster. They ask the cluster nothing yet.
func NewClients(config *rest.Config) (Clients, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // client-go's own limit of 5 a second would hold back the first look; the server guards itself
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.WarningHandlerWithContext = rest.NoWarnings{}
	server := newServerClock()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return listening{reflector.Plain{Next: next}, server}
	})
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return Clients{}, fmt.Errorf("cluster connection: %w", err)
	}
	core, err := corev1.NewForConfigAndClient(config, client)
	if err != nil {
		return Clients{}, fmt.Errorf("cluster connection: %w", err)
	}
	apps, err := appsv1.NewForConfigAndClient(config, client)
	if err != nil {
		return Clients{}, fmt.Errorf("cluster connection: %w", err)
	}
	leases, err := coordinationv1.NewForConfigAndClient(config, client)
	if err != nil {
		return Clients{}, fmt.Errorf("cluster connection: %w", err)
	}
	budgets, err := policyv1.NewForConfigAndClient(config, client)
	if err != nil {
		return Clients{}, fmt.Errorf("cluster connection: %w", err)
	}
	classes, err := schedulingv1.NewForConfigAndClient(config, client)
	if err != nil {
		return Clients{}, fmt.Errorf("cluster connection: %w", err)
	}
	disks, err := storagev1.NewForConfigAndClient(config, client)
	if err != nil {
		return Clients{}, fmt.Errorf("cluster connection: %w", err)
	}
	return Clients{Core: core, Apps: apps, Leases: leases, Budgets: budgets, Classes: classes, Storage: disks,
		server: server}, nil
}
