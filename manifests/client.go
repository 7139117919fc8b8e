package manifests

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/manifests/reflector"
	"github.com/daemongate/daemongate/manifests/watches"
)

// Client writes sets to one cluster with one identity. It is safe for concurrent use.
type Client struct {
	dynamic  dynamic.Interface
	metadata metadata.Interface
	mapper   *mapper
	watches  *watches.Pool[Version] // of all Syncs that it writes for
	evictor  *evict.Evictor
	readable sync.Map // of *readable, by resource and namespace
	as       string   // the user in whose name it writes; empty for the process' own
	config   *rest.Config
}

// NewClient makes a client of a cluster. It asks the cluster nothing yet.
func NewClient(config *rest.Config) (*Client, error) {
	given := config
	config = rest.CopyConfig(config)
	config.QPS = -1 // client-go's own limit of 5 a second would make a set of 40 objects take 6 s
	config.WarningHandler = nil
	config.WarningHandlerWithContext = warningHandler{}
	if config.UserAgent == "" {
		config.UserAgent = FieldManager
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return reflector.Plain{Next: next} })
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	objects, err := metadata.NewForConfigAndClient(metadata.ConfigFor(config), httpClient)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	evictor, err := evict.New(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	return &Client{dynamic: dyn, metadata: objects, mapper: newMapper(disco), evictor: evictor,
		watches: watches.New(objects, OwnerLabel, VersionOf), as: config.Impersonate.UserName, config: given}, nil
}

// As makes a client of the same cluster that writes in a user's name. Which kinds the cluster serves is no secret from
// anybody who may write there, and looked up once for both.
func (c *Client) As(user string) (*Client, error) {
	config := rest.CopyConfig(c.config)
	config.Impersonate.UserName = user
	other, err := NewClient(config)
	if err != nil {
		return nil, err
	}
	other.mapper = c.mapper
	return other, nil
}

// Evict has pods go, and returns what came of each: nil, or one of the errors of evict.Evictor.
func (c *Client) Evict(ctx context.Context, pods []evict.Pod, o Options) []error {
	_, failed := sideBySide(pods, ifItMay(o, func(p evict.Pod) (struct{}, error) {
		return struct{}{}, c.evictor.Evict(ctx, p)
	}))
	return failed
}

// Get reads an object in the version the server prefers; nil without an error if there is no such object or kind.
func (c *Client) Get(ctx context.Context, id ID) (*unstructured.Unstructured, error) {
	t, err := c.lookUp(ctx, func() (target, error) {
		mapping, err := c.mapper.find(ctx, id.groupKind(), "")
		if meta.IsNoMatchError(err) {
			return target{}, nil
		}
		return target{id: id, mapping: mapping}, wrap(id, err)
	})
	return t.live, err
}

// put applies the target's object over what was looked at, and returns the API server's answer as it is.
func (c *Client) put(ctx context.Context, t target, force bool) (*unstructured.Unstructured, error) {
	return c.send(ctx, t, over(t.live, t.object), applying(force))
}

// ask is the dry run of an apply, whatever is there.
func (c *Client) ask(ctx context.Context, t target, force bool) (*unstructured.Unstructured, error) {
	return c.send(ctx, t, t.object, trying(force))
}

// trying is applying that writes nothing.
func trying(force bool) metav1.PatchOptions {
	options := applying(force)
	options.DryRun = []string{metav1.DryRunAll}
	return options
}

func applying(force bool) metav1.PatchOptions {
	// A misspelt field is an error: the server would drop it in silence.
	return metav1.PatchOptions{FieldManager: FieldManager, Force: &force,
		FieldValidation: metav1.FieldValidationStrict}
}

// send applies an object at the target's place.
func (c *Client) send(ctx context.Context, t target, object *unstructured.Unstructured,
	options metav1.PatchOptions) (*unstructured.Unstructured, error) {
	data, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return c.resource(t).Patch(about(ctx, t.id), t.id.Name, types.ApplyPatchType, data, options)
}
