package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// gateway is the way to the API server of one process. It gives the process a name of its own, by which the audit log
// tells it from others, and asks what shall go wrong at each write.
type gateway struct {
	*server
	forward *httputil.ReverseProxy
	// writes is told of every write, and returns whether it is forwarded.
	writes func(forward func()) (answered bool)
}

// quiet is told of connections that end: they do so all the time.
var quiet = log.New(io.Discard, "", 0)

// openGateway opens one, and writes the kubeconfig that leads through it.
func openGateway(config *rest.Config, agent, kubeconfig string, writes func(func()) bool) (*gateway, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	g := &gateway{writes: writes, forward: &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("User-Agent", agent)
		},
		ErrorLog: quiet,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}}
	if g.server, err = serve(g); err != nil {
		return nil, err
	}
	return g, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"chaos": {Server: g.url}},
		Contexts:       map[string]*clientcmdapi.Context{"chaos": {Cluster: "chaos"}},
		CurrentContext: "chaos",
	}, kubeconfig)
}

// ServeHTTP lets reads and what concerns the Lease through.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || strings.Contains(r.URL.RawQuery, "dryRun") ||
		!strings.Contains(r.URL.Path, "/namespaces/") || strings.Contains(r.URL.Path, "/leases") ||
		strings.HasSuffix(r.URL.Path, "/events") {
		g.forward.ServeHTTP(w, r)
		return
	}
	if !g.writes(func() { g.forward.ServeHTTP(w, r) }) {
		http.Error(w, "nobody is there", http.StatusBadGateway)
	}
}
