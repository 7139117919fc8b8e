package comment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// gitea speaks API v1 of Gitea and Forgejo. It tells the pull request of a commit only once that is merged, so that the
// open ones are looked through. Comments are not paged.
type gitea struct{ *asker }

type giteaPull struct {
	Number int    `json:"number"`
	State  string `json:"state"`
	Head   struct {
		SHA    string `json:"sha"`
		RepoID int64  `json:"repo_id"` // -1 if it was deleted
		Label  string `json:"label"`
	} `json:"head"`
	Base struct {
		RepoID int64 `json:"repo_id"`
	} `json:"base"`
}

// pull is from a fork as well if it has no branch: whoever may read the repository can push one to refs/for.
func (p giteaPull) pull() pull {
	same := p.Head.RepoID > 0 && p.Head.RepoID == p.Base.RepoID && p.Head.Label != ""
	return pull{number: p.Number, open: p.State == "open", head: p.Head.SHA, fork: !same}
}

func (g gitea) headed(ctx context.Context, _ string) ([]pull, error) {
	all, err := list(ctx, g.asker, "/pulls", url.Values{"state": {"open"}, "limit": {"50"}}, bare[giteaPull])
	return pulls(all, giteaPull.pull), err
}

func (g gitea) pull(ctx context.Context, number int) (pull, error) {
	var p giteaPull
	_, err := g.do(ctx, http.MethodGet, fmt.Sprintf("/pulls/%d", number), nil, &p)
	return p.pull(), err
}

// self is nobody if the token has not the scope read:user.
func (g gitea) self(ctx context.Context) (string, error) { return login(ctx, g.asker) }

func (g gitea) comments(ctx context.Context, number int) ([]note, error) {
	all, err := list(ctx, g.asker, fmt.Sprintf("/issues/%d/comments", number), url.Values{}, bare[issueComment])
	return notes(all, func(c issueComment) note {
		n := note{id: c.ID, body: c.Body, robot: true}
		if c.User != nil {
			n.author = c.User.Login
		}
		return n
	}), err
}

func (g gitea) make(ctx context.Context, number int, text string) error {
	return onIssue(ctx, g.asker, http.MethodPost, fmt.Sprintf("/issues/%d/comments", number), text)
}

func (g gitea) edit(ctx context.Context, _ int, n note, text string) error {
	return onIssue(ctx, g.asker, http.MethodPatch, fmt.Sprintf("/issues/comments/%d", n.id), text)
}
