package page

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	stdhtml "html"
	"net/http"
	"net/url"
	"path"
	"strings"
	gosync "sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	"github.com/daemongate/daemongate/cmd/daemongate/reviews"
	"github.com/daemongate/daemongate/sync"
)

// paramToken is where the token stands in the address that is opened first.
const paramToken = "token"

// session is the door of a page that somebody has opened for themselves: others who use the machine can reach its
// port, and are not let in. The token is good once; the browser has a cookie from then on. Its name cannot begin with
// __Host-, which browsers accept by https alone.
type session struct {
	caller *caller
	at     string // host and port, as the browser names them
	cookie string // its name
	secret string // its value

	mu    gosync.Mutex
	token string // empty once it was used
}

// newSession lets in who comes to a host and port with the token, with the rights of the kubeconfig.
func newSession(config *rest.Config, at string) (*session, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	// The port is in the name because browsers do not keep the cookies of ports apart.
	return &session{at: at, cookie: "daemongate-" + at[strings.LastIndex(at, ":")+1:], secret: rand.Text(),
		token: rand.Text(),
		caller: &caller{sync.NewSyncs(client), reviews.NewMemory(kube, time.Now, rememberedFor),
			config.Impersonate.UserName}}, nil
}

// address is what is to be opened, once.
func (s *session) address(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.at + path + "?" + paramToken + "=" + s.token
}

// host is as browsers name it: without the port where that is the one of http.
func (s *session) host(name string) bool {
	return name == s.at || name == strings.TrimSuffix(s.at, ":80")
}

func (s *session) enter(w http.ResponseWriter, r *http.Request) (person, error) {
	cookie, err := r.Cookie(s.cookie)
	known := err == nil && same(cookie.Value, s.secret)
	query := r.URL.Query()
	token := query.Get(paramToken)
	switch {
	case token == "" && known:
		return s.caller, nil
	case token == "":
		return nil, &refusal{http.StatusForbidden, "Not yours", "This page is open for whoever has started it alone.",
			"Open the address that daemongate dashboard has printed, or start it again."}
	case r.Method != http.MethodGet, !known && !s.useUp(token):
		return nil, &refusal{http.StatusForbidden, "Used up",
			"The token of this address has been used, or never was one.", "Start daemongate " +
				"dashboard again: each address that it prints is good once."}
	}
	query.Del(paramToken)
	to := (&url.URL{Path: path.Clean("/" + r.URL.Path)}).EscapedPath() // a \ would be a / to browsers
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	s.goOn(w, to)
	return nil, nil
}

// useUp reports whether that is the token, and has it be no token any more.
func (s *session) useUp(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == "" || !same(token, s.token) {
		return false
	}
	s.token = ""
	return true
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// goOn gives the cookie and leads to the page. A redirect would not do: who comes from another site, as from a mail or
// a file, would be led on without a cookie that is SameSite=Strict.
func (s *session) goOn(w http.ResponseWriter, to string) {
	http.SetCookie(w, &http.Cookie{Name: s.cookie, Value: s.secret, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode})
	w.Header().Set("Content-Type", contentType)
	to = stdhtml.EscapeString(to)
	icon := html.Page{}.Asset("icon.svg") // browsers ask for one that is not there otherwise
	// Who went away does not hear it.
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Daemongate</title>`+
		`<link rel="icon" type="image/svg+xml" href="%s"><meta http-equiv="refresh" content="0;url=%s"></head>`+
		`<body><main><h1>Daemongate</h1><p><a href="%s">Go on</a></p></main></body></html>`, icon, to, to)
}

// caller is whoever has started the page. What they may see is what the API server shows to their kubeconfig.
type caller struct {
	own     *sync.Syncs
	reviews *reviews.Memory
	as      string // whom they act as; empty for themselves
}

func (c *caller) name() string { return c.as }

func (c *caller) sees(context.Context, string, string) (bool, error) { return true, nil }

// reads says so: what is read is read with their rights.
func (c *caller) reads(context.Context, schema.GroupVersionResource, string, string) (bool, error) {
	return true, nil
}

// may reports whether the API server would take the write: the verbs are for those who come with tokens.
func (c *caller) may(ctx context.Context, _, namespace, name string) (bool, error) {
	return c.reviews.Self(ctx, syncAttributes("patch", namespace, name))
}

func (c *caller) syncs() (*sync.Syncs, error) { return c.own, nil }
