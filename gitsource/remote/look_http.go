package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

const infoRefs = "/info/refs"

// lookHTTP asks for the refs. A server that has answered so before is asked at once: one request, instead of one more
// that asks what it speaks. If it answers otherwise now, it is asked from the beginning.
func (r *Remote) lookHTTP(ctx context.Context, prefixes []string) (map[string]plumbing.Hash, error) {
	auth, err := r.httpAuth(ctx, transport.UploadPackServiceName)
	if err != nil {
		return nil, err
	}
	if at, _ := r.looked.Load().(string); at != "" {
		refs, err := r.listAt(ctx, at, auth, prefixes)
		if err == nil {
			return refs, nil
		}
		r.looked.Store("")
		var unanswered *url.Error
		var moved *redirectError
		if ctx.Err() != nil || errors.As(err, &unanswered) && !errors.As(err, &moved) {
			return nil, err
		}
	}
	at, err := r.askWhatIsSpoken(ctx, auth)
	if err != nil {
		return nil, err
	}
	refs, err := r.listAt(ctx, at, auth, prefixes)
	if err == nil {
		r.looked.Store(at)
	}
	return refs, err
}

// askWhatIsSpoken asks what the server speaks, and returns where the question was redirected to.
func (r *Remote) askWhatIsSpoken(ctx context.Context, auth transport.AuthMethod) (at string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		r.address.String()+infoRefs+"?service="+transport.UploadPackServiceName, http.NoBody)
	if err != nil {
		return "", err
	}
	err = r.exchange(request, auth, func(answer *http.Response) error {
		to := answer.Request.URL
		path, ok := strings.CutSuffix(to.EscapedPath(), infoRefs)
		if !ok {
			return fmt.Errorf("the server redirects to %s, which is no repository: use the URL to clone from", to.Host)
		}
		at = to.Scheme + "://" + to.Host + path
		return readCapabilities(answer.Body)
	})
	return at, err
}

// listAt asks for the refs in version 2.
func (r *Remote) listAt(ctx context.Context, at string, auth transport.AuthMethod,
	prefixes []string) (refs map[string]plumbing.Hash, err error) {
	body, err := lsRefs(prefixes)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/"+transport.UploadPackServiceName,
		bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	request.Header.Set("Accept", "application/x-git-upload-pack-result")
	err = r.exchange(request, auth, func(answer *http.Response) (err error) {
		refs, err = readRefs(ctx, answer.Body)
		return err
	})
	return refs, err
}

// exchange sends a request of version 2 and reads its answer if that is one.
func (r *Remote) exchange(request *http.Request, auth transport.AuthMethod, read func(*http.Response) error) error {
	request.Header.Set("Git-Protocol", "version=2")
	request.Header.Set("User-Agent", "git/daemongate") // some servers speak Git with what is called so only
	if a, ok := auth.(githttp.AuthMethod); ok {
		a.SetAuth(request)
	}
	answer, err := r.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	answer.Body = limited{io.LimitReader(answer.Body, maxListed+1), answer.Body}
	if err := githttp.NewErr(answer); err != nil {
		return err
	}
	err = read(answer)
	const rest = 4 << 10 // so that the connection can be used again
	_, _ = io.CopyN(io.Discard, answer.Body, rest)
	return err
}

// limited is a body of which a part is read.
type limited struct {
	io.Reader
	io.Closer
}
