package comment_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/comment"
	"github.com/daemongate/daemongate/gitsource/hosttest"
)

// A real Gitea: a plan comments on a pull request, the next one edits that comment, one that says the same changes
// nothing. A fork gets none. Nobody is mentioned by it, and no issue is closed when the pull request is merged.
func TestAPullRequestOnARealGitHost(t *testing.T) {
	t.Parallel()
	host := hosttest.Start(t)
	w := newWorld(t, host)
	number, head := w.propose(host, "change", "change")
	h := w.reach("read:user", "read:repository", "write:issue")

	by := comment.Target{Commit: head}
	says := plan("for @bob: closes #" + fmt.Sprint(w.issue) + ", fixes " + host.URL + "/" + w.repo + "/issues/" +
		fmt.Sprint(w.issue))
	if r := post(t, h, by, says, comment.Made); r.Number != number || r.ByMarker {
		t.Errorf("%+v, want number %d", r, number)
	}
	first := w.comments(number)
	post(t, h, by, says, comment.Unchanged)
	post(t, w.reach("read:repository", "write:issue"), comment.Target{Number: number}, says, comment.Unchanged)
	says.Blocks = append(says.Blocks, comment.Block{Name: "more", Text: "fits on 12 nodes"})
	post(t, h, by, says, comment.Edited)
	if r := post(t, w.reach("read:repository", "write:issue"), by, says, comment.Unchanged); !r.ByMarker {
		t.Error("a token without read:user is said to tell whose it is")
	}
	second := w.comments(number)
	if len(first) != 1 || len(second) != 1 || first[0].ID != second[0].ID || !strings.Contains(second[0].Body, "12 nodes") {
		t.Errorf("%+v, then %+v", first, second)
	}
	w.merge(number)
	w.isQuiet()

	t.Run("a fork", func(t *testing.T) {
		w.must(w.bob.Call(http.MethodPost, "/repos/"+w.repo+"/forks", map[string]any{}, nil))
		number, head := w.propose(w.bob, "theirs", w.bob.User+":theirs")
		post(t, h, comment.Target{Commit: head}, says, comment.FromFork)
		post(t, h, comment.Target{Number: number}, says, comment.FromFork)
		if all := w.comments(number); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		post(t, h, comment.Target{Number: number, Forks: true}, says, comment.Made)
	})
	t.Run("a token that may only read", func(t *testing.T) {
		number, _ := w.propose(host, "another", "another")
		_, err := comment.Post(t.Context(), w.reach("read:repository", "read:issue"), comment.Target{Number: number}, says)
		if err == nil || !strings.Contains(err.Error(), "may not comment on pull requests of") {
			t.Errorf("%v", err)
		}
	})
}

// world is a repository with an issue, and somebody who is not of the team.
type world struct {
	t     *testing.T
	host  *hosttest.Host
	bob   *hosttest.Host // the same host, as somebody else
	repo  string
	issue int
}

func newWorld(t *testing.T, host *hosttest.Host) *world {
	t.Helper()
	other := *host
	other.User, other.Password = "bob", "bobs-own-passw0rd"
	w := &world{t: t, host: host, bob: &other, repo: host.User + "/fleet"}
	_, err := host.CreateRepo("fleet")
	w.must(err)
	w.must(host.Call(http.MethodPatch, "/repos/"+w.repo, map[string]any{"private": false}, nil))
	w.must(host.Call(http.MethodPost, "/admin/users", map[string]any{"username": other.User, "password": other.Password,
		"email": "bob@example.com", "must_change_password": false}, nil))
	w.must(host.Call(http.MethodPost, "/repos/"+w.repo+"/contents/README", map[string]any{"content": "aGk="}, nil))
	var issue struct {
		Number int `json:"number"`
	}
	w.must(host.Call(http.MethodPost, "/repos/"+w.repo+"/issues", map[string]any{"title": "an agent is slow"}, &issue))
	w.issue = issue.Number
	return w
}

// must ends the test if something cannot be made ready.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// eventually waits for what the host does after it has answered.
func (w *world) eventually(check func() error) {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Minute)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// reach is the host as who holds a token with these scopes.
func (w *world) reach(scopes ...string) *forge.Host {
	w.t.Helper()
	token, err := w.host.NewToken(scopes...)
	w.must(err)
	place, err := forge.Locate(forge.Gitea, w.host.URL+"/"+w.repo+".git", "", "")
	w.must(err)
	h, err := forge.NewHost(place, func(context.Context) (forge.Token, error) { return forge.Token{Secret: token}, nil },
		forge.Options{})
	w.must(err)
	return h
}

// propose pushes a branch and opens a pull request of it.
func (w *world) propose(as *hosttest.Host, branch, head string) (number int, commit string) {
	w.t.Helper()
	content := base64.StdEncoding.EncodeToString([]byte(branch))
	w.must(as.Call(http.MethodPost, "/repos/"+as.User+"/fleet/contents/"+branch,
		map[string]any{"content": content, "branch": "main", "new_branch": branch}, nil))
	var made struct {
		Number int `json:"number"`
		Head   struct {
			SHA string `json:"sha"`
		} `json:"head"`
	}
	w.must(as.Call(http.MethodPost, "/repos/"+w.repo+"/pulls",
		map[string]any{"title": branch, "head": head, "base": "main"}, &made))
	return made.Number, made.Head.SHA
}

type shown struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
}

func (w *world) comments(number int) (all []shown) {
	w.t.Helper()
	w.must(w.host.Call(http.MethodGet, fmt.Sprintf("/repos/%s/issues/%d/comments", w.repo, number), nil, &all))
	return all
}

// merge merges a pull request, once the host has found out that it can.
func (w *world) merge(number int) {
	w.t.Helper()
	w.eventually(func() error {
		return w.host.Call(http.MethodPost, fmt.Sprintf("/repos/%s/pulls/%d/merge", w.repo, number),
			map[string]any{"Do": "merge"}, nil)
	})
}

// isQuiet checks that nobody was mentioned and that the issue is open, after what the host does about a comment later:
// a mention that was meant has arrived.
func (w *world) isQuiet() {
	w.t.Helper()
	w.must(w.host.Call(http.MethodPost, "/repos/"+w.repo+"/issues",
		map[string]any{"title": "a question", "body": "what does @bob say?"}, nil))
	var told []struct {
		Subject struct {
			Title string `json:"title"`
		} `json:"subject"`
	}
	w.eventually(func() error {
		err := w.bob.Call(http.MethodGet, "/notifications?all=true", nil, &told)
		if err == nil && len(told) == 0 {
			return fmt.Errorf("bob is told nothing")
		}
		return err
	})
	if len(told) != 1 || told[0].Subject.Title != "a question" {
		w.t.Errorf("bob is told %+v", told)
	}
	var issue struct {
		State string `json:"state"`
	}
	w.must(w.host.Call(http.MethodGet, fmt.Sprintf("/repos/%s/issues/%d", w.repo, w.issue), nil, &issue))
	if issue.State != "open" {
		w.t.Errorf("the issue is %s", issue.State)
	}
}
