package remote

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/daemongate/daemongate/gitsource/githubapp"
)

// DefaultIdle is how long a connection may be silent before it is given up. Servers send a sign of life every five
// seconds while they prepare a pack.
const DefaultIdle = 45 * time.Second

// Remote is a repository on a Git server, and the credentials to speak to it. It is safe for concurrent use.
type Remote struct {
	address Address
	auth    Auth
	options Options
	http    *http.Client // nil unless the scheme is http or https
	ssh     *sshIdentity // nil unless it is ssh
	old     atomic.Bool  // the server was seen not to speak version 2 of Git's protocol
	looked  atomic.Value // string: where the newest look was answered over http, empty if the next is to ask anew
}

// Options say how a server is spoken to.
type Options struct {
	// Idle is how long a connection may be silent before it is given up; DefaultIdle if it is zero.
	Idle time.Duration
	// Reach says where connections may lead.
	Reach Reach
}

// New reads a repository's URL (see ParseAddress) and checks its credentials, and that they are for that server,
// without connecting.
func New(rawURL string, auth Auth, o Options) (*Remote, error) {
	address, auth, err := ParseAddress(rawURL, auth)
	if err != nil {
		return nil, err
	}
	if err := o.Reach.Permits(address); err != nil {
		return nil, err
	}
	if err := auth.belongs(address); err != nil {
		return nil, err
	}
	if o.Idle <= 0 {
		o.Idle = DefaultIdle
	}
	r := &Remote{address: address, auth: auth, options: o}
	switch address.Scheme {
	case "http", "https":
		r.http, err = newHTTPClient(auth, o)
	case "ssh":
		r.ssh, err = newSSHIdentity(auth)
	}
	if err != nil {
		return nil, r.explain(context.Background(), err)
	}
	return r, nil
}

// String is the repository's address, without credentials.
func (r *Remote) String() string { return r.address.String() }

// Auth returns the credentials, with those that were part of the URL.
func (r *Remote) Auth() Auth { return r.auth }

// Close gives up idle connections.
func (r *Remote) Close() {
	if r.http != nil {
		r.http.CloseIdleConnections()
	}
}

// session opens the Git service for reading (upload) or writing.
func (r *Remote) session(ctx context.Context, service string) (session, error) {
	switch r.address.Scheme {
	case "http", "https":
		return r.httpSession(ctx, service)
	}
	return r.streamSession(ctx, service, "")
}

// streamSession opens the service over ssh or a pipe, in a version of Git's protocol if one is given.
func (r *Remote) streamSession(ctx context.Context, service, version string) (*stream, error) {
	if r.address.Scheme == "ssh" {
		return r.sshSession(ctx, service, version)
	}
	return r.fileSession(ctx, service, version)
}

func (r *Remote) httpSession(ctx context.Context, service string) (session, error) {
	endpoint, err := transport.NewEndpoint(r.address.String())
	if err != nil {
		return nil, err
	}
	method, err := r.httpAuth(ctx, service)
	if err != nil {
		return nil, err
	}
	bounded := *r.http
	bounded.Transport = listed{r.http.Transport}
	client := githttp.NewClient(&bounded)
	if service == transport.UploadPackServiceName {
		s, err := client.NewUploadPackSession(endpoint, method)
		return httpSession{ctx: ctx, Session: s, up: s}, err
	}
	s, err := client.NewReceivePackSession(endpoint, method)
	return httpSession{ctx: ctx, Session: s, down: s}, err
}

func (r *Remote) httpAuth(ctx context.Context, service string) (transport.AuthMethod, error) {
	if r.auth.App != nil {
		access := githubapp.ReadContents
		if service == transport.ReceivePackServiceName {
			access = githubapp.WriteContents
		}
		token, err := r.auth.App.Token(ctx, r.http, githubapp.Grant{Repository: r.address.Path, Access: access})
		return &githttp.BasicAuth{Username: tokenUser, Password: token}, err
	}
	if r.auth.Bearer != "" {
		return &githttp.TokenAuth{Token: r.auth.Bearer}, nil
	}
	if user, password, ok := r.auth.basic(); ok {
		return &githttp.BasicAuth{Username: user, Password: password}, nil
	}
	return nil, nil
}

// retire drops the App's token after the server has refused it: the next one may be taken.
func (r *Remote) retire() {
	if r.auth.App != nil {
		for _, token := range r.auth.App.Secrets() {
			r.auth.App.Refused(token)
		}
	}
}
