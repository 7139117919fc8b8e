package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// gateway is the way to the API server of one process. It gives the process a name of its own, by which the audit log
// tells it from others, says when it took each request, and asks what shall go wrong at each write.
type gateway struct {
	*server
	forward *httputil.ReverseProxy
	asks    guard
}

// guard is told of what a process asks of the API server.
type guard interface {
	// writes is told of every write, and returns whether it was forwarded.
	writes(what step, forward func()) (answered bool)
	// renews is told of every write of a Lease.
	renews()
	// woke reports, once, that the process stood still before this write.
	woke() bool
	// dateOff is how far the API server's clock is off.
	dateOff() time.Duration
}

// quiet is told of connections that end: they do so all the time.
var quiet = log.New(io.Discard, "", 0)

// openGateway opens one, and writes the kubeconfig that leads through it.
func openGateway(config *rest.Config, agent, kubeconfig string, asks guard) (*gateway, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	g := &gateway{asks: asks, forward: &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("User-Agent", agent+r.In.Header.Get(taken))
			r.Out.Header.Del(taken)
		},
		ModifyResponse: func(r *http.Response) error {
			if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
				r.Header.Set("Date", date.Add(asks.dateOff()).UTC().Format(http.TimeFormat))
			}
			return nil
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

// taken is the header in which ServeHTTP tells Rewrite when the request came.
const taken = "Chaos-Taken"

// ServeHTTP lets reads and what concerns the Lease through. When a write left the process stands behind the name of the
// process in the audit log: it may reach the API server much later. That the process had stood still just before stands
// there too: what it was about to send then, nobody could call back.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tag := " sent/" + time.Now().UTC().Format(time.RFC3339Nano)
	if strings.Contains(r.URL.Path, "/leases") && r.Method != http.MethodGet {
		g.asks.renews()
	}
	what := stepOf(r)
	if what == "" {
		r.Header.Set(taken, tag)
		g.forward.ServeHTTP(w, r)
		return
	}
	if g.asks.woke() {
		tag += " woken"
	}
	r.Header.Set(taken, tag)
	if !g.asks.writes(what, func() { g.forward.ServeHTTP(w, r) }) {
		http.Error(w, "nobody is there", http.StatusBadGateway)
	}
}
