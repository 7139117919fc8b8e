package clusters

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/sync"
)

const (
	// dialTime and requestTime bound how long a cluster may take to answer: to anything, and to what is no watch.
	dialTime    = 10 * time.Second
	requestTime = time.Minute
	// identifyTime bounds how long it may take to say which cluster it is.
	identifyTime = 10 * time.Second
)

// Connection is one to a cluster, by one kubeconfig. It is safe for concurrent use.
type Connection struct {
	there  sync.Destination
	config *rest.Config
	host   string // as people name it
	sum    [sha256.Size]byte
	core   corev1.CoreV1Interface
	// suspect is set when the cluster did not answer, or refused the credentials.
	suspect atomic.Bool
	users   *Users
}

// There is the cluster as Syncs see it.
func (c *Connection) There() *sync.Destination { return &c.there }

// connect makes the clients of a cluster. They share their TCP connections, which end with them.
func connect(config *rest.Config, o Options) (*Connection, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	dialer := &net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second, Control: o.Control}
	transport := utilnet.SetTransportDefaults(&http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: tls,
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, MaxIdleConnsPerHost: 25,
		DisableCompression: config.DisableCompression})
	c := &Connection{host: config.Host}
	if u, err := url.Parse(config.Host); err == nil {
		c.host = u.Host
	}
	c.config = rest.CopyConfig(config)
	c.config.TLSClientConfig, c.config.Transport = rest.TLSClientConfig{}, transport
	c.config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &watched{next, &c.suspect} })
	c.config = o.Guard(c.config)
	clients, err := observe.NewClients(c.config)
	if err != nil {
		return nil, err
	}
	c.there.Observer, c.there.Now = observe.New(clients), clients.Now
	identifies := rest.CopyConfig(c.config)
	identifies.QPS = -1            // it is asked before each write of every Sync
	identifies.Wrap(clients.Hears) // so the time there is known before anything is judged by it
	if c.core, err = corev1.NewForConfig(identifies); err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	if c.users, err = NewUsers(c.config, c.core, clock.RealClock{}); err != nil {
		return nil, err
	}
	return c, nil
}

// LacksAccount reports whether there is no such ServiceAccount there.
func (c *Connection) LacksAccount(ctx context.Context, namespace, name string) bool {
	return c.users.Lacks(ctx, namespace, name)
}

// errNoUID and errLed are answers of what is no Kubernetes API server.
var (
	errNoUID = errors.New("namespace kube-system has no UID")
	errLed   = errors.New("it leads to another address, which is not followed: put that one into " +
		"clusters[].cluster.server")
)

// identify asks which cluster it is: no two have a namespace kube-system of one UID, and it stays.
func (c *Connection) identify(ctx context.Context) (types.UID, error) {
	ctx, cancel := context.WithTimeout(ctx, identifyTime)
	defer cancel()
	namespace, err := c.core.Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if namespace.UID == "" {
		return "", errNoUID
	}
	return namespace.UID, nil
}

// Writer writes there as a user, or with the kubeconfig's own rights if that is empty: to this cluster, and to no other
// one that its address may lead to by now.
func (c *Connection) Writer(user string) (sync.Writer, error) {
	client, err := c.users.Writer(user)
	if err != nil {
		return nil, err
	}
	return &sameCluster{client, c}, nil
}

// watched notes when a cluster does not answer, or refuses the credentials, waits for no answer for ever, and follows
// none to another address: the credentials are for this one, and whom the other one belongs to nobody knows.
type watched struct {
	next    http.RoundTripper
	suspect *atomic.Bool
}

// RoundTrip sends a request. What is no watch is to be answered, and read, within requestTime.
func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if r.URL.Query().Get("watch") == "" {
		ctx, cancel = context.WithTimeout(ctx, requestTime)
	}
	answer, err := w.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		if r.Context().Err() == nil { // else it was not waited for
			w.suspect.Store(true)
		}
		return answer, err
	}
	answer.Body = &body{answer.Body, cancel}
	switch {
	case answer.StatusCode == http.StatusUnauthorized:
		w.suspect.Store(true)
	case answer.StatusCode/100 == 3 && answer.Header.Get("Location") != "":
		w.suspect.Store(true)
		_ = answer.Body.Close() // nothing of it is read
		return nil, errLed
	}
	return answer, nil
}

// WrappedRoundTripper is what client-go asks for to find out about connections.
func (w *watched) WrappedRoundTripper() http.RoundTripper { return w.next }

// body ends the time of a request when its answer has been read.
type body struct {
	io.ReadCloser
	done context.CancelFunc
}

// Close ends the answer.
func (b *body) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
