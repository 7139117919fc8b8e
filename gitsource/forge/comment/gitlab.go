package comment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// gitlab speaks API v4, where a pull request is a merge request and a comment a note.
type gitlab struct{ *asker }

type mergeRequest struct {
	IID    int    `json:"iid"`
	State  string `json:"state"`
	SHA    string `json:"sha"`
	Source int64  `json:"source_project_id"` // null if it was deleted
	Target int64  `json:"target_project_id"`
}

func (m mergeRequest) pull() pull {
	same := m.Source != 0 && m.Source == m.Target
	return pull{number: m.IID, open: m.State == "opened", head: m.SHA, fork: !same}
}

func (g gitlab) headed(ctx context.Context, commit string) ([]pull, error) {
	all, err := list(ctx, g.asker, "/repository/commits/"+commit+"/merge_requests", url.Values{"per_page": {"100"}},
		bare[mergeRequest])
	return pulls(all, mergeRequest.pull), err
}

func (g gitlab) pull(ctx context.Context, number int) (pull, error) {
	var m mergeRequest
	_, err := g.do(ctx, http.MethodGet, fmt.Sprintf("/merge_requests/%d", number), nil, &m)
	return m.pull(), err
}

func (g gitlab) self(ctx context.Context) (string, error) {
	var user struct {
		Username string `json:"username"`
	}
	_, err := g.send(ctx, http.MethodGet, "/user", nil, &user)
	if unknown(err) {
		return "", nil
	}
	return user.Username, err
}

// comments leave out what GitLab itself notes.
func (g gitlab) comments(ctx context.Context, number int) ([]note, error) {
	type gitlabNote struct {
		ID     int64  `json:"id"`
		Body   string `json:"body"`
		System bool   `json:"system"`
		Author struct {
			Username string `json:"username"`
		} `json:"author"`
	}
	all, err := list(ctx, g.asker, fmt.Sprintf("/merge_requests/%d/notes", number),
		url.Values{"per_page": {"100"}, "sort": {"asc"}, "order_by": {"created_at"}}, bare[gitlabNote])
	return notes(all, func(n gitlabNote) note {
		return note{id: n.ID, author: n.Author.Username, body: n.Body, robot: !n.System}
	}), err
}

func (g gitlab) make(ctx context.Context, number int, text string) error {
	return onIssue(ctx, g.asker, http.MethodPost, fmt.Sprintf("/merge_requests/%d/notes", number), text)
}

func (g gitlab) edit(ctx context.Context, number int, n note, text string) error {
	return onIssue(ctx, g.asker, http.MethodPut, fmt.Sprintf("/merge_requests/%d/notes/%d", number, n.id), text)
}
