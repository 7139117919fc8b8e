package cluster

import (
	"crypto/x509/pkix"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// identities writes the certificates of all servers and the kubeconfigs of all clients.
func (f Folder) identities(server string) error {
	ca, err := newAuthority(f.path("pki"))
	if err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	hosts := []string{"127.0.0.1", "localhost", "10.0.0.1", "kubernetes", "kubernetes.default",
		"kubernetes.default.svc"}
	if err := ca.issue("kube-apiserver", pkix.Name{CommonName: "kube-apiserver"}, hosts...); err != nil {
		return err
	}
	if err := ca.issue("etcd", pkix.Name{CommonName: "etcd"}, "127.0.0.1"); err != nil {
		return err
	}
	if _, err := ca.writeKey("service-accounts"); err != nil {
		return err
	}
	admin := pkix.Name{CommonName: "devcluster-admin", Organization: []string{"system:masters"}}
	for name, who := range map[string]pkix.Name{
		"admin":                   admin,
		"kube-controller-manager": {CommonName: "system:kube-controller-manager"},
		"kube-scheduler":          {CommonName: "system:kube-scheduler"},
		"kwok":                    {CommonName: "kwok", Organization: []string{"system:masters"}},
	} {
		if err := ca.issue(name, who); err != nil {
			return fmt.Errorf("certificate of %s: %w", name, err)
		}
		file := f.path("kubeconfigs", name)
		if name == "admin" {
			file = f.Kubeconfig()
		}
		if err := ca.kubeconfig(file, name, server); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// kubeconfig writes a file with everything inside, so that it can be copied.
func (a *authority) kubeconfig(file, user, server string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["devcluster"] = &clientcmdapi.Cluster{Server: server, CertificateAuthority: a.file("ca.crt")}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{
		ClientCertificate: a.file(user + ".crt"), ClientKey: a.file(user + ".key"),
	}
	config.Contexts["devcluster"] = &clientcmdapi.Context{Cluster: "devcluster", AuthInfo: user}
	config.CurrentContext = "devcluster"
	if err := clientcmdapi.FlattenConfig(config); err != nil {
		return err
	}
	return clientcmd.WriteToFile(*config, file)
}
