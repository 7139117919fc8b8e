package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/daemongate/daemongate/gitsource/oneline"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

// dialect is what is different from host to host.
type dialect interface {
	// repository is the path of a repository below the API's base.
	repository(p Place) string
	// status is the path below the API's base, and the body, that tell a status.
	status(p Place, s Status) (path string, body any)
	// identify puts the token into a request.
	identify(r *http.Request, t Token)
	// understand corrects what an answer to a status means.
	understand(s said) said
	// question is what to ask where an answer to a status does not tell whether the host knows the commit; none where
	// it does.
	question(p Place, commit string, s said) question
}

// question is a GET that tells an unknown commit from all other trouble.
type question struct {
	path    string
	unknown int // the answer that means that it is the commit
}

var dialects = map[Provider]dialect{
	GitHub: github{}, GitLab: gitlab{}, Gitea: gitea{}, BitbucketCloud: bitbucketCloud{},
	BitbucketDataCenter: bitbucketDataCenter{},
}

// send tells the host one status.
func (h *Host) send(ctx context.Context, s Status, t Token) said {
	path, body := h.dialect.status(h.place, s)
	post := request{method: http.MethodPost, path: path, body: body, errand: ofStatuses, most: maxAnswer}
	answer := h.ask(ctx, post, t)
	q := h.dialect.question(h.place, s.Commit, answer)
	if q.path == "" {
		return answer
	}
	get := request{method: http.MethodGet, path: q.path, errand: ofStatuses, most: maxAnswer}
	if h.ask(ctx, get, t).code == q.unknown {
		answer.is = unknown
		answer.why = answer.explain(h.place, ofStatuses)
	}
	return answer
}

// request is one request to a host's API.
type request struct {
	method, path string // below the API's base
	body         any
	etag         string // of an answer that is known already
	errand       errand
	most         int64 // how much of an answer is read, in bytes
}

// ask sends one request and makes sense of the answer.
func (h *Host) ask(ctx context.Context, r request, t Token) said {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := h.request(ctx, r.method, r.path, r.body)
	if err != nil {
		return said{is: refused, why: err}
	}
	h.dialect.identify(request, t)
	if r.etag != "" {
		request.Header.Set("If-None-Match", r.etag)
	}
	response, err := h.client.Do(request)
	if err != nil {
		return said{is: hindered, why: fmt.Errorf("%s: %w", h.place.Provider, unreached(err, t))}
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, r.most)) // what is missing of it is missing from a message
	s := h.read(response, text, t, r.errand)
	if r.etag != "" && s.code == http.StatusNotModified {
		s.is, s.why = told, nil
	}
	return s
}

func (h *Host) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, h.place.API+path, content)
	if err != nil {
		return nil, fmt.Errorf("%s: the request cannot be made", h.place.Provider)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "daemongate") // GitHub refuses who does not say who he is
	return request, nil
}

// read makes sense of an answer.
func (h *Host) read(response *http.Response, body []byte, t Token, e errand) said {
	s := said{is: outcomeOf(response.StatusCode), code: response.StatusCode, header: response.Header, body: body}
	if s.is != told {
		s.text = oneline.Of(t.redact(messageOf(body)), 200)
	}
	if pause := pauseOf(response.Header, h.now()); s.is == told || s.is == hindered {
		s.pause = pause
	}
	s = h.dialect.understand(s)
	if s.is != told {
		s.why = s.explain(h.place, e)
	}
	return s
}

// unreached is why a host could not be reached, without its URL, which may be long, and without what is secret.
func unreached(err error, t Token) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return errors.New(oneline.Of(t.redact(err.Error()), 300))
}
