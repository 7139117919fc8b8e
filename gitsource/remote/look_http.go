package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

const infoRefs = "/info/refs"

// lookHTTP asks what the server speaks, and then for the refs, at where the first question was redirected to.
func (r *Remote) lookHTTP(ctx context.Context, prefixes []string) (map[string]plumbing.Hash, error) {
	auth, err := r.httpAuth(ctx, transport.UploadPackServiceName)
	if err != nil {
		return nil, err
	}
	first, err := http.NewRequestWithContext(ctx, http.MethodGet,
		r.address.String()+infoRefs+"?service="+transport.UploadPackServiceName, http.NoBody)
	if err != nil {
		return nil, err
	}
	at := ""
	err = r.exchange(first, auth, func(answer *http.Response) error {
		url := *answer.Request.URL
		path, ok := strings.CutSuffix(url.EscapedPath(), infoRefs)
		if !ok {
			return fmt.Errorf("the server redirects to %s, which is no repository: use the URL to clone from", url.Host)
		}
		at = url.Scheme + "://" + url.Host + path
		return readCapabilities(answer.Body)
	})
	if err != nil {
		return nil, err
	}
	body, err := lsRefs(prefixes)
	if err != nil {
		return nil, err
	}
	second, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/"+transport.UploadPackServiceName,
		bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	second.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	second.Header.Set("Accept", "application/x-git-upload-pack-result")
	var refs map[string]plumbing.Hash
	err = r.exchange(second, auth, func(answer *http.Response) (err error) {
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
