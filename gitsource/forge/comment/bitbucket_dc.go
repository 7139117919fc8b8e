package comment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// bitbucketDataCenter speaks the REST API of Bitbucket Data Center. It lists the comments of a pull request among all
// that happened to it, newest first, and takes an edit of the newest version of a comment only.
type bitbucketDataCenter struct{ *asker }

// centerPage is a page, with where the next one starts.
type centerPage[T any] struct {
	Values []T  `json:"values"`
	Last   bool `json:"isLastPage"`
	Next   *int `json:"nextPageStart"`
}

func onCenter[T any](page centerPage[T], _ http.Header) ([]T, url.Values) {
	if page.Last || page.Next == nil {
		return page.Values, nil
	}
	return page.Values, url.Values{"start": {strconv.Itoa(*page.Next)}}
}

type centerPull struct {
	ID    int       `json:"id"`
	State string    `json:"state"`
	From  centerRef `json:"fromRef"`
	To    centerRef `json:"toRef"`
}

type centerRef struct {
	Commit     string `json:"latestCommit"`
	Repository *struct {
		ID int64 `json:"id"`
	} `json:"repository"`
}

func (p centerPull) pull() pull {
	from, to := p.From.Repository, p.To.Repository
	same := from != nil && to != nil && from.ID != 0 && from.ID == to.ID
	return pull{number: p.ID, open: p.State == "OPEN", head: p.From.Commit, fork: !same}
}

type centerComment struct {
	ID      int64  `json:"id"`
	Version int    `json:"version"`
	Text    string `json:"text"`
	Author  struct {
		Name string `json:"name"`
	} `json:"author"`
}

type activity struct {
	Action  string         `json:"action"`
	Comment *centerComment `json:"comment"`
}

func (b bitbucketDataCenter) headed(ctx context.Context, _ string) ([]pull, error) {
	open := url.Values{"state": {"OPEN"}, "limit": {"100"}}
	all, err := list(ctx, b.asker, "/pull-requests", open, onCenter[centerPull])
	return pulls(all, centerPull.pull), err
}

func (b bitbucketDataCenter) pull(ctx context.Context, number int) (pull, error) {
	var p centerPull
	_, err := b.do(ctx, http.MethodGet, fmt.Sprintf("/pull-requests/%d", number), nil, &p)
	return p.pull(), err
}

// self is said in a header of every answer. The token of a project or a repository is of nobody who writes comments by
// that name.
func (b bitbucketDataCenter) self(ctx context.Context) (string, error) {
	reply, err := b.do(ctx, http.MethodGet, "", nil, nil)
	if err != nil {
		return "", err
	}
	name, err := url.QueryUnescape(reply.Header.Get("X-AUSERNAME"))
	if err != nil || strings.HasPrefix(name, "access-token-user") {
		return "", nil
	}
	return name, nil
}

func (b bitbucketDataCenter) comments(ctx context.Context, number int) ([]note, error) {
	all, err := list(ctx, b.asker, fmt.Sprintf("/pull-requests/%d/activities", number), url.Values{"limit": {"100"}},
		onCenter[activity])
	if err != nil {
		return nil, err
	}
	var out []note
	seen := map[int64]bool{}
	for i := len(all) - 1; i >= 0; i-- { // oldest first
		c := all[i].Comment
		if all[i].Action != "COMMENTED" || c == nil || seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		out = append(out, note{id: c.ID, version: c.Version, author: c.Author.Name, robot: true, body: c.Text})
	}
	return out, nil
}

func (b bitbucketDataCenter) make(ctx context.Context, number int, text string) error {
	_, err := b.do(ctx, http.MethodPost, fmt.Sprintf("/pull-requests/%d/comments", number),
		map[string]any{"text": text}, nil)
	return err
}

// edit looks at the comment once more if somebody else has edited it meanwhile.
func (b bitbucketDataCenter) edit(ctx context.Context, number int, n note, text string) error {
	path := fmt.Sprintf("/pull-requests/%d/comments/%d", number, n.id)
	err := b.put(ctx, path, n.version, text)
	var no *refusal
	if !errors.As(err, &no) || no.code != http.StatusConflict {
		return err
	}
	var now centerComment
	if _, err := b.do(ctx, http.MethodGet, path, nil, &now); err != nil {
		return err
	}
	return b.put(ctx, path, now.Version, text)
}

func (b bitbucketDataCenter) put(ctx context.Context, path string, version int, text string) error {
	_, err := b.do(ctx, http.MethodPut, path, map[string]any{"text": text, "version": version}, nil)
	return err
}
