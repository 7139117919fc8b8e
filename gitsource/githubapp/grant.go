package githubapp

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// Access is what a token lets its holder do.
type Access string

// What is ever asked for.
const (
	ReadContents  Access = "contents: read"
	WriteContents Access = "contents: write"
	WriteStatuses Access = "statuses: write"
)

// Grant is what a token is for: one access to one repository, which is given as owner/name or as the path of its URL.
type Grant struct {
	Repository string
	Access     Access
}

// asked is a Grant as GitHub takes it.
type asked struct {
	Repositories []string          `json:"repositories"`
	Permissions  map[string]string `json:"permissions"`
}

func (g Grant) asked() asked {
	name, level, _ := strings.Cut(string(g.Access), ": ")
	return asked{[]string{g.name()}, map[string]string{name: level}}
}

// name is that of the repository, without its owner, who is that of the installation.
func (g Grant) name() string {
	return strings.TrimSuffix(path.Base(strings.TrimSuffix(g.Repository, "/")), ".git")
}

// token is one that was given.
type token struct {
	text    string
	expires time.Time
	retired string // the one before, which a server may still repeat
}

// maxGrants is for how many grants tokens are kept. One that is forgotten is asked for anew.
const maxGrants = 200

// Token returns an access token for a grant and nothing else, which is good for five minutes at least. GitHub is asked,
// through the client, only if there is none; callers that come meanwhile share the answer. A redirect is not followed.
func (a *App) Token(ctx context.Context, client *http.Client, g Grant) (string, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("%s: gave up waiting for a token: %w", a, context.Cause(ctx))
	}
	if text := a.good(g); text != "" {
		return text, nil
	}
	text, expires, err := a.ask(ctx, client, g)
	if err != nil {
		return "", fmt.Errorf("%s: %w", a, err)
	}
	a.keep(g, text, expires)
	return text, nil
}

func (a *App) good(g Grant) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.tokens[g]; time.Until(t.expires) >= early {
		return t.text
	}
	return ""
}

func (a *App) keep(g Grant, text string, expires time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens == nil {
		a.tokens = map[Grant]token{}
	}
	for other := range a.tokens {
		if len(a.tokens) < maxGrants || other == g {
			break
		}
		delete(a.tokens, other)
	}
	a.tokens[g] = token{text, expires, a.tokens[g].text}
}

// Refused says that a server does not take a token any more: the next one is asked for anew.
func (a *App) Refused(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for g, t := range a.tokens {
		if t.text == text {
			t.expires = time.Time{}
			a.tokens[g] = t
		}
	}
}

// Secrets are the tokens that a server's answer could repeat.
func (a *App) Secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, t := range a.tokens {
		for _, text := range []string{t.text, t.retired} {
			if text != "" {
				all = append(all, text)
			}
		}
	}
	return all
}
