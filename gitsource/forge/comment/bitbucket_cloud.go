package comment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// bitbucketCloud speaks API 2.0. It tells the pull requests of a commit only with an app that few have installed, so
// that the open ones are looked through.
type bitbucketCloud struct{ *asker }

// cloudPage is a page, with the address of the next one.
type cloudPage[T any] struct {
	Values []T    `json:"values"`
	Next   string `json:"next"`
}

func onCloud[T any](page cloudPage[T], _ http.Header) ([]T, url.Values) {
	return page.Values, queryOf(page.Next)
}

type cloudPull struct {
	ID          int       `json:"id"`
	State       string    `json:"state"`
	Source      cloudSide `json:"source"`
	Destination cloudSide `json:"destination"`
}

type cloudSide struct {
	Commit *struct {
		Hash string `json:"hash"`
	} `json:"commit"`
	Repository *struct {
		UUID string `json:"uuid"`
	} `json:"repository"` // null if it was deleted
}

func (p cloudPull) pull() pull {
	from, to := p.Source.Repository, p.Destination.Repository
	same := from != nil && to != nil && from.UUID != "" && from.UUID == to.UUID
	found := pull{number: p.ID, open: p.State == "OPEN", fork: !same}
	if p.Source.Commit != nil {
		found.head = p.Source.Commit.Hash
	}
	return found
}

type cloudComment struct {
	ID      int64 `json:"id"`
	Deleted bool  `json:"deleted"`
	Content struct {
		Raw string `json:"raw"`
	} `json:"content"`
	User *struct {
		UUID string `json:"uuid"`
	} `json:"user"`
}

func (b bitbucketCloud) headed(ctx context.Context, _ string) ([]pull, error) {
	open := url.Values{"state": {"OPEN"}, "pagelen": {"50"}}
	all, err := list(ctx, b.asker, "/pullrequests", open, onCloud[cloudPull])
	return pulls(all, cloudPull.pull), err
}

func (b bitbucketCloud) pull(ctx context.Context, number int) (pull, error) {
	var p cloudPull
	_, err := b.do(ctx, http.MethodGet, fmt.Sprintf("/pullrequests/%d", number), nil, &p)
	return p.pull(), err
}

// self is nobody with an access token of a repository, or one that may not read the account.
func (b bitbucketCloud) self(ctx context.Context) (string, error) {
	var user struct {
		UUID string `json:"uuid"`
	}
	_, err := b.send(ctx, http.MethodGet, "/user", nil, &user)
	if unknown(err) {
		return "", nil
	}
	return user.UUID, err
}

func (b bitbucketCloud) comments(ctx context.Context, number int) ([]note, error) {
	all, err := list(ctx, b.asker, fmt.Sprintf("/pullrequests/%d/comments", number), url.Values{"pagelen": {"100"}},
		onCloud[cloudComment])
	return notes(all, func(c cloudComment) note {
		n := note{id: c.ID, body: c.Content.Raw, robot: !c.Deleted}
		if c.User != nil && !c.Deleted {
			n.author = c.User.UUID
		}
		return n
	}), err
}

func (b bitbucketCloud) make(ctx context.Context, number int, text string) error {
	return b.write(ctx, http.MethodPost, fmt.Sprintf("/pullrequests/%d/comments", number), text)
}

func (b bitbucketCloud) edit(ctx context.Context, number int, n note, text string) error {
	return b.write(ctx, http.MethodPut, fmt.Sprintf("/pullrequests/%d/comments/%d", number, n.id), text)
}

func (b bitbucketCloud) write(ctx context.Context, method, path, text string) error {
	_, err := b.do(ctx, method, path, map[string]any{"content": map[string]string{"raw": text}}, nil)
	return err
}
