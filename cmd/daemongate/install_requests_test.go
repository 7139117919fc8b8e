package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// requests are what a process asks of the API server, as rights: "list pods", "update syncs/status".
type requests struct {
	mu   gosync.Mutex
	seen map[string]bool
}

func (r *requests) saw(right string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[right]
}

func (r *requests) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.seen))
}

// through returns a kubeconfig like the given one, by which what is asked is noted on its way.
func (r *requests) through(t *testing.T, kubeconfig string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(kubeconfig)
	check(t, err)
	token := config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo].Token // is not sent where there is no TLS
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	target, err := url.Parse(cluster.Server)
	check(t, err)
	transport, err := rest.TransportFor(&rest.Config{Host: cluster.Server, TLSClientConfig: rest.TLSClientConfig{
		CAData: cluster.CertificateAuthorityData, CAFile: cluster.CertificateAuthority}})
	check(t, err)
	r.seen = map[string]bool{}
	proxy := &httputil.ReverseProxy{Transport: transport, FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Header.Set("Authorization", "Bearer "+token)
		}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		right := rightOf(q)
		r.mu.Lock()
		r.seen[right] = true
		r.mu.Unlock()
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections() // watches would not end by themselves
		server.Close()
	})
	cluster.Server, cluster.CertificateAuthority, cluster.CertificateAuthorityData = server.URL, "", nil
	path := filepath.Join(t.TempDir(), "kubeconfig")
	check(t, clientcmd.WriteToFile(*config, path))
	return path
}

// rightOf is the right that a request needs of whom it identifies as: that to impersonate, if it is another's.
func rightOf(q *http.Request) string {
	if q.Header.Get("Impersonate-User") != "" {
		return "impersonate serviceaccounts"
	}
	parts := strings.Split(strings.Trim(q.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return q.Method + " " + q.URL.Path
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	resource := parts[0]
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	verbs := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update",
		http.MethodPatch: "patch", http.MethodDelete: "delete"}
	verb := verbs[q.Method]
	switch {
	case verb == "get" && q.URL.Query().Get("watch") != "":
		verb = "watch"
	case verb == "get" && len(parts) == 1:
		verb = "list"
	}
	return verb + " " + resource
}
