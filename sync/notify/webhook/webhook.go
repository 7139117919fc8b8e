// Package webhook sends notifications to a URL as CloudEvents, in the structured mode of their HTTP binding.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/daemongate/daemongate/sync/notify"
)

const (
	// requestTimeout bounds one request.
	requestTimeout = 15 * time.Second
	// maxAnswer is how much of an answer is read, in bytes, so that the connection can be used again.
	maxAnswer = 64 << 10
	// SignatureHeader has the signature of the body: sha256= and the HMAC in hexadecimal.
	SignatureHeader = "X-Signature"
)

// To is where messages are sent, and what proves by whom. It prints as nothing that is secret, whatever the verb.
type To struct {
	URL   string // as Check has found it good
	Token string // sent as bearer; empty for none
	Key   []byte // that messages are signed with; empty for none
}

// Format prints that there is a receiver and never which.
func (t To) Format(f fmt.State, _ rune) { fmt.Fprint(f, "receiver (not shown)") }

// MarshalJSON keeps it out of whatever is serialised.
func (t To) MarshalJSON() ([]byte, error) { return []byte(`"receiver (not shown)"`), nil }

// Check says why a text is no URL to send messages to, if so. What it says repeats nothing of it.
func Check(text string, plain bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Opaque != "":
		return errors.New("url must be https://host/path")
	case u.User != nil:
		return errors.New("url must name no user and no password: put a token under the key token")
	case u.Fragment != "":
		return errors.New("url must have no fragment: what comes after # is not sent")
	case u.Scheme == "http" && !plain:
		return errors.New("url is http, which everybody on the way can read: use https, or set the key allowHTTP to " +
			"\"true\" beside it")
	}
	return nil
}

// Receiver sends messages to where its owner says before each of them.
type Receiver struct {
	to     func(ctx context.Context) (To, error)
	client *http.Client
	now    func() time.Time
}

// New returns a receiver by what says where it is, such as a Secret that can be rotated, and by what reaches it.
// Redirects are not followed, whatever the transport does.
func New(to func(ctx context.Context) (To, error), transport http.RoundTripper) *Receiver {
	return &Receiver{to: to, now: time.Now, client: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Take sends one message. No error repeats anything of the URL but its host, or of what the receiver answers.
func (r *Receiver) Take(ctx context.Context, e notify.Event) notify.Answer {
	to, err := r.to(ctx)
	if err != nil {
		return notify.Answer{Trouble: err}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := to.request(ctx, e)
	if err != nil {
		return notify.Answer{Refused: errors.New("the request cannot be made")} // and its URL is not repeated
	}
	response, err := r.client.Do(request)
	if err != nil {
		return notify.Answer{Trouble: fmt.Errorf("the receiver: %w", unreached(err))}
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // the code alone counts
	return answerOf(response.StatusCode, pauseOf(response.Header, r.now()))
}

// request is the message as it is sent.
func (t To) request(ctx context.Context, e notify.Event) (*http.Request, error) {
	body, err := e.Body()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", notify.ContentType)
	request.Header.Set("User-Agent", "daemongate")
	if t.Token != "" {
		request.Header.Set("Authorization", "Bearer "+t.Token)
	}
	if len(t.Key) > 0 {
		request.Header.Set(SignatureHeader, Sign(t.Key, body))
	}
	return request, nil
}

// Sign is the signature of a body by a key, as receivers of Flux's generic-hmac provider check it.
func Sign(key, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// answerOf is what a status code means for a message. Only a code that is about the message itself has it given up:
// what is wrong with the URL or the token is mended in the Secret, and then it is sent again.
func answerOf(code int, pause time.Duration) notify.Answer {
	a := notify.Answer{Pause: pause}
	trouble := func(advice string) notify.Answer {
		a.Trouble = errors.New(strings.TrimSuffix(fmt.Sprintf("the receiver answers %d: %s", code, advice), ": "))
		return a
	}
	switch {
	case code >= 200 && code < 300:
		return a
	case code < 400:
		return trouble("it redirects elsewhere, which is not followed: put the URL that it leads to into the Secret")
	case code == http.StatusGone: // CloudEvents' web hooks, 1.0.2, §2.2: refrain from sending any more
		a.Pause = maxPause
		return trouble("it takes no notifications any more: put another url into the Secret, or remove " +
			"spec.report.notify")
	case code == http.StatusProxyAuthRequired:
		return trouble("the proxy does not take its user and password: check proxy in the Secret")
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return trouble("it does not take the token or the signature: check token and hmacKey in the Secret")
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed:
		return trouble("nothing there takes notifications: check url in the Secret")
	case code == http.StatusTooManyRequests:
		return trouble("waiting as long as it asks")
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		return trouble("")
	}
	a.Refused = fmt.Errorf("the receiver answers %d", code)
	return a
}
