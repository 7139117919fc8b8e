package comment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// github speaks REST API version 2022-11-28. To comments a pull request is an issue.
type github struct{ *asker }

type githubPull struct {
	Number int    `json:"number"`
	State  string `json:"state"`
	Head   struct {
		SHA  string `json:"sha"`
		Repo *struct {
			ID int64 `json:"id"`
		} `json:"repo"` // null if it was deleted
	} `json:"head"`
	Base struct {
		Repo *struct {
			ID int64 `json:"id"`
		} `json:"repo"`
	} `json:"base"`
}

func (p githubPull) pull() pull {
	same := p.Head.Repo != nil && p.Base.Repo != nil && p.Head.Repo.ID != 0 && p.Head.Repo.ID == p.Base.Repo.ID
	return pull{number: p.Number, open: p.State == "open", head: p.Head.SHA, fork: !same}
}

// issueComment is a comment on GitHub, Gitea and Forgejo.
type issueComment struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
	User *struct {
		Login string `json:"login"`
		Type  string `json:"type"` // GitHub alone
	} `json:"user"`
}

func (g github) headed(ctx context.Context, commit string) ([]pull, error) {
	all, err := list(ctx, g.asker, "/commits/"+commit+"/pulls", url.Values{"per_page": {"100"}}, bare[githubPull])
	return pulls(all, githubPull.pull), err
}

func (g github) pull(ctx context.Context, number int) (pull, error) {
	var p githubPull
	_, err := g.do(ctx, http.MethodGet, fmt.Sprintf("/pulls/%d", number), nil, &p)
	return p.pull(), err
}

// self is nobody with the token of an Action or an App: these may not ask, and their comments are a Bot's.
func (g github) self(ctx context.Context) (string, error) { return login(ctx, g.asker) }

func (g github) comments(ctx context.Context, number int) ([]note, error) {
	all, err := list(ctx, g.asker, fmt.Sprintf("/issues/%d/comments", number), url.Values{"per_page": {"100"}},
		bare[issueComment])
	return notes(all, func(c issueComment) note {
		n := note{id: c.ID, body: c.Body}
		if c.User != nil {
			n.author, n.robot = c.User.Login, c.User.Type == "Bot"
		}
		return n
	}), err
}

func (g github) make(ctx context.Context, number int, text string) error {
	return onIssue(ctx, g.asker, http.MethodPost, fmt.Sprintf("/issues/%d/comments", number), text)
}

func (g github) edit(ctx context.Context, _ int, n note, text string) error {
	return onIssue(ctx, g.asker, http.MethodPatch, fmt.Sprintf("/issues/comments/%d", n.id), text)
}

// onIssue writes a comment as GitHub, GitLab, Gitea and Forgejo take it.
func onIssue(ctx context.Context, a *asker, method, path, text string) error {
	_, err := a.do(ctx, method, path, map[string]string{"body": text}, nil)
	return err
}

// login is the user's name on GitHub, Gitea and Forgejo.
func login(ctx context.Context, a *asker) (string, error) {
	var user struct {
		Login string `json:"login"`
	}
	_, err := a.send(ctx, http.MethodGet, "/user", nil, &user)
	if unknown(err) {
		return "", nil
	}
	return user.Login, err
}

func pulls[T any](all []T, as func(T) pull) []pull {
	var out []pull
	for _, one := range all {
		out = append(out, as(one))
	}
	return out
}

func notes[T any](all []T, as func(T) note) []note {
	var out []note
	for _, one := range all {
		out = append(out, as(one))
	}
	return out
}
