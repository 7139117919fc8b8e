package githubapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	maxAnswer  = 1 << 20 // bytes
	askTimeout = 30 * time.Second
)

// ErrRefused is the error of an App, or an installation, that GitHub does not know or does not let in.
var ErrRefused = errors.New("GitHub gives it no token")

// ask gets a new token:
// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
func (a *App) ask(ctx context.Context, client *http.Client, g Grant) (token string, expires time.Time, err error) {
	claim, err := a.claim(time.Now())
	if err != nil {
		return "", expires, errors.New("the private key cannot sign")
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	at := a.api + "/app/installations/" + a.config.Installation + "/access_tokens"
	body, err := json.Marshal(g.asked())
	if err != nil {
		return "", expires, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return "", expires, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("Authorization", "Bearer "+claim)
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	req.Header.Set("User-Agent", "daemongate")
	stays := *client
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := stays.Do(req)
	if err != nil {
		var request *url.Error
		if errors.As(err, &request) {
			err = request.Err
		}
		return "", expires, fmt.Errorf("token: %w", err)
	}
	defer res.Body.Close()
	if err := refusal(res.StatusCode, g); err != nil {
		return "", expires, err
	}
	return read(res.Body)
}

// refusal explains a status. What the server says besides is not repeated: it may hold what it was sent.
func refusal(status int, g Grant) error {
	switch status {
	case http.StatusCreated:
		return nil
	case http.StatusUnauthorized:
		return fmt.Errorf("%w (401): check the App's ID and private key, and this machine's clock", ErrRefused)
	case http.StatusForbidden:
		return fmt.Errorf("%w (403): the installation is suspended, or GitHub's rate limit is used up", ErrRefused)
	case http.StatusNotFound:
		return fmt.Errorf("%w (404): the App has no such installation: check its number, and that it is installed",
			ErrRefused)
	case http.StatusUnprocessableEntity:
		return fmt.Errorf("%w (422): the installation does not cover the repository %s, or the App lacks the "+
			"permission %s", ErrRefused, g.name(), g.Access)
	}
	return fmt.Errorf("GitHub answered the request for a token with status %d: this is tried again", status)
}

func read(body io.Reader) (token string, expires time.Time, err error) {
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&answer) != nil || answer.Token == "" ||
		answer.ExpiresAt.IsZero() {
		return "", expires, errors.New("what answers the request for a token is not GitHub: check the URL of the " +
			"GitHub server")
	}
	return answer.Token, answer.ExpiresAt, nil
}
