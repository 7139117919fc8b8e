package cluster

import (
	"fmt"
	"strings"
	"time"
)

// command is one component and its flags.
type command struct {
	name string
	args []string
}

// addresses are the ports of 127.0.0.1 that the components of one cluster listen on.
type addresses struct{ etcd, peer, apiserver int }

func (a addresses) server() string { return fmt.Sprintf("https://127.0.0.1:%d", a.apiserver) }

func newAddresses(p *ports) (a addresses, err error) {
	for _, port := range []*int{&a.etcd, &a.peer, &a.apiserver} {
		if *port, err = p.next(); err != nil {
			return a, err
		}
	}
	return a, nil
}

// etcd without fsync: a cluster that loses power is started anew.
func (f Folder) etcd(a addresses) command {
	client, peer := fmt.Sprintf("https://127.0.0.1:%d", a.etcd), fmt.Sprintf("http://127.0.0.1:%d", a.peer)
	return command{"etcd", []string{
		"--data-dir=" + f.path("etcd"),
		"--unsafe-no-fsync",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=default=" + peer,
		"--cert-file=" + f.path("pki", "etcd.crt"), "--key-file=" + f.path("pki", "etcd.key"),
		"--client-cert-auth", "--trusted-ca-file=" + f.path("pki", "ca.crt"),
		"--quota-backend-bytes=8589934592", // 5,000 nodes with pods and Events pass the default of 2 GiB
		"--snapshot-count=100000",
		"--log-level=warn",
	}}
}

// apiserver, which writes an audit log if somebody wants to read one.
func (f Folder) apiserver(a addresses, audit bool) command {
	ca, keys := f.path("pki", "ca.crt"), f.path("pki", "service-accounts.key")
	var more []string
	if audit {
		more = []string{"--audit-policy-file=" + f.path("audit.yaml"), "--audit-log-path=" + f.AuditLog(),
			"--audit-log-maxsize=100000"} // MB: a log that is read by its offsets must not be rotated
	}
	return command{"kube-apiserver", append([]string{
		fmt.Sprintf("--etcd-servers=https://127.0.0.1:%d", a.etcd),
		"--etcd-cafile=" + ca,
		"--etcd-certfile=" + f.path("pki", "etcd.crt"), "--etcd-keyfile=" + f.path("pki", "etcd.key"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", a.apiserver),
		// Nobody reaches the API server by the Service of default/kubernetes; a loopback address is refused there, and
		// looking for another one fails on a machine without a network.
		"--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none", "--external-hostname=127.0.0.1",
		"--tls-cert-file=" + f.path("pki", "kube-apiserver.crt"),
		"--tls-private-key-file=" + f.path("pki", "kube-apiserver.key"),
		"--client-ca-file=" + ca,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + keys, "--service-account-signing-key-file=" + keys,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=Node,RBAC",
		"--allow-privileged",
		"--profiling=false",
	}, more...)}
}

// controllers are those that concern workloads and what their pods claim; the rest needs a cloud, a storage driver or
// certificates. That there is no driver is why a claim is bound only to a volume that somebody made.
var controllers = []string{
	"daemonset-controller", "deployment-controller", "replicaset-controller", "statefulset-controller",
	"job-controller", "cronjob-controller", "ttl-after-finished-controller",
	"disruption-controller", "endpoints-controller", "endpointslice-controller",
	"garbage-collector-controller", "pod-garbage-collector-controller", "namespace-controller",
	"resourcequota-controller", "serviceaccount-controller", "serviceaccount-token-controller",
	"root-ca-certificate-publisher-controller", "clusterrole-aggregation-controller",
	"node-lifecycle-controller", "taint-eviction-controller",
	"persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller",
	"persistentvolume-binder-controller", "ephemeral-volume-controller", "resourceclaim-controller",
	"validatingadmissionpolicy-status-controller", "service-cidr-controller",
}

// controllerManager: grace is how long a node may be silent before it is NotReady.
func (f Folder) controllerManager(grace time.Duration) command {
	config := f.path("kubeconfigs", "kube-controller-manager")
	return command{"kube-controller-manager", []string{
		"--kubeconfig=" + config,
		"--secure-port=0",
		"--leader-elect=false",
		"--controllers=" + strings.Join(controllers, ","),
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + f.path("pki", "service-accounts.key"),
		"--root-ca-file=" + f.path("pki", "ca.crt"),
		"--node-monitor-grace-period=" + grace.String(),
		"--node-monitor-period=" + min(5*time.Second, grace/4).String(),
		"--kube-api-qps=1000", "--kube-api-burst=2000",
		"--concurrent-gc-syncs=5",
	}}
}

// rareHeartbeats is the grace above which Leases are renewed more seldom than by real kubelets.
const rareHeartbeats = 5 * time.Minute

func (f Folder) scheduler() command {
	return command{"kube-scheduler", []string{
		"--kubeconfig=" + f.path("kubeconfigs", "kube-scheduler"),
		"--secure-port=0",
		"--leader-elect=false",
		"--kube-api-qps=1000", "--kube-api-burst=2000",
	}}
}

// kwok renews Leases four times in their duration: as real kubelets do, every 10 s, or more often if nodes shall be
// missed sooner. Where they shall not be missed at all, the Leases of thousands of nodes would be most of the load.
func (f Folder) kwok(grace time.Duration) command {
	lease := min(40*time.Second, grace/2)
	if grace > rareHeartbeats {
		lease = grace / 2
	}
	return command{"kwok", []string{
		fmt.Sprintf("--node-lease-duration-seconds=%d", lease/time.Second),
		"--kubeconfig=" + f.path("kubeconfigs", "kwok"),
		"--config=" + f.path("kwok.yaml"),
		"--v=WARN", // a line per renewed Lease otherwise
	}}
}
