package page

import (
	"context"
	"net/http"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/reviews"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A door knows who asks for a page.
type door interface {
	// enter returns who asks, nil if it has answered itself. An error says why nobody can be let in just now.
	enter(w http.ResponseWriter, r *http.Request) (person, error)
	// host is whether requests may be for that host.
	host(name string) bool
}

// A person asks for pages, and does something now and then.
type person interface {
	name() string
	// sees reports whether they may get a Sync; all of a namespace without a name, all of the cluster with neither.
	sees(ctx context.Context, namespace, name string) (bool, error)
	// may reports whether they may do that to a Sync.
	may(ctx context.Context, verb, namespace, name string) (bool, error)
	// reads reports whether they may get an object; all of a namespace without a name, all of a kind with neither.
	reads(ctx context.Context, what schema.GroupVersionResource, namespace, name string) (bool, error)
	// syncs are the Syncs with their own rights.
	syncs() (*sync.Syncs, error)
}

// The verbs that are asked about, besides get: rights of their own, to be given one by one.
const (
	verbSync    = "sync"
	verbSuspend = "suspend"
	verbRelease = "release"
	verbPromote = "promote"
)

// rememberedFor is how long an answer to a review is good for.
const rememberedFor = 5 * time.Second

// bearers is a door that lets in whoever has a token that the API server knows.
type bearers struct {
	config  *rest.Config // which leads to the API server
	reviews *reviews.Memory
	acts    bool // may be done here
}

func newBearers(config *rest.Config, acts bool) (*bearers, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &bearers{config: config, reviews: reviews.NewMemory(kube, time.Now, rememberedFor), acts: acts}, nil
}

func (b *bearers) host(string) bool { return true } // what stands before it names it

func (b *bearers) enter(w http.ResponseWriter, r *http.Request) (person, error) {
	token, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !is || token == "" {
		return nil, b.turnAway(w, "This page needs a bearer token of this cluster, and there was none in the request.")
	}
	who, err := b.reviews.Owner(r.Context(), token)
	if err != nil {
		return nil, err
	}
	if who == nil {
		return nil, b.turnAway(w, "The API server does not know the bearer token of the request: it is of another "+
			"cluster, has expired, or names nobody.")
	}
	return &bearer{door: b, token: token, who: who}, nil
}

func (b *bearers) turnAway(w http.ResponseWriter, why string) error {
	w.Header().Set("WWW-Authenticate", "Bearer")
	return &refusal{http.StatusUnauthorized, "Who are you?", why,
		"Have what stands before this page send your token: docs/page.md shows it with oauth2-proxy. Through kubectl " +
			"proxy and the API server's own proxy no token arrives here: use daemongate dashboard instead."}
}

// bearer is somebody who has come with a token.
type bearer struct {
	door  *bearers
	token string
	who   *authenticationv1.UserInfo
}

func (b *bearer) name() string { return b.who.Username }

func (b *bearer) sees(ctx context.Context, namespace, name string) (bool, error) {
	return b.asks(ctx, syncAttributes("get", namespace, name))
}

func (b *bearer) reads(ctx context.Context, what schema.GroupVersionResource, namespace, name string) (bool, error) {
	return b.asks(ctx, authorizationv1.ResourceAttributes{Group: what.Group, Version: what.Version,
		Resource: what.Resource, Verb: "get", Namespace: namespace, Name: name})
}

func (b *bearer) may(ctx context.Context, verb, namespace, name string) (bool, error) {
	if !b.door.acts {
		return false, nil
	}
	return b.asks(ctx, syncAttributes(verb, namespace, name))
}

// asks whether they may, with the groups that they have now. A token that has expired since a page was opened is
// nobody's any more.
func (b *bearer) asks(ctx context.Context, what authorizationv1.ResourceAttributes) (bool, error) {
	who, err := b.door.reviews.Owner(ctx, b.token)
	if err != nil || who == nil {
		return false, err
	}
	return b.door.reviews.May(ctx, who, what)
}

// syncAttributes are how the API server is asked about something that is done to a Sync.
func syncAttributes(verb, namespace, name string) authorizationv1.ResourceAttributes {
	return authorizationv1.ResourceAttributes{Group: api.Resource.Group, Version: api.Resource.Version,
		Resource: api.Resource.Resource, Verb: verb, Namespace: namespace, Name: name}
}

// syncs are written with the token that came with the request, and with nothing of the controller's.
func (b *bearer) syncs() (*sync.Syncs, error) {
	own := rest.AnonymousClientConfig(b.door.config)
	own.BearerToken = b.token
	client, err := dynamic.NewForConfig(own)
	if err != nil {
		return nil, err
	}
	return sync.NewSyncs(client), nil
}
