package forgetest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// Pull is a pull request.
type Pull struct {
	Number int
	Head   string // the hash of its head
	From   string // the repository of its head; empty if that was deleted
	Closed bool
	// Ref is set on Gitea of one that was pushed to refs/for, and has no branch.
	Ref bool
}

// Comment is a comment on a pull request, as the host has it.
type Comment struct {
	ID      int
	Pull    int
	Author  string
	Person  bool // who wrote it is no token of an App
	Text    string
	Version int
}

// Forum is what is said about a Host's pull requests.
type Forum struct {
	host     *Host
	user     string // of the token
	hidden   bool   // the token may not ask whose it is
	moderate bool   // the token may edit everybody's comments
	page     int    // items of a page at most
	pulls    []Pull
	comments []Comment
	writes   int
	between  func() // runs once before the next edit, as if somebody else were quicker
}

// Open adds pull requests.
func (f *Forum) Open(pulls ...Pull) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	f.pulls = append(f.pulls, pulls...)
}

// Hide has the host not say whose the token is.
func (f *Forum) Hide() {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	f.hidden = true
}

// Moderate lets the token edit everybody's comments.
func (f *Forum) Moderate() {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	f.moderate = true
}

// Pages bounds how many items a page has.
func (f *Forum) Pages(size int) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	f.page = size
}

// Remark adds a comment of a person.
func (f *Forum) Remark(pull int, author, text string) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	f.comments = append(f.comments, Comment{ID: 100 + len(f.comments), Pull: pull, Author: author,
		Person: true, Text: text})
}

// Comments are those on a pull request, oldest first.
func (f *Forum) Comments(pull int) []Comment {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	return f.on(pull)
}

func (f *Forum) on(pull int) []Comment {
	return slices.DeleteFunc(slices.Clone(f.comments), func(c Comment) bool { return c.Pull != pull })
}

// Edit has a comment be edited by somebody else, which makes a new version of it.
func (f *Forum) Edit(id int) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	for i := range f.comments {
		if f.comments[i].ID == id {
			f.comments[i].Version++
		}
	}
}

// Between has something be done before the next comment is edited, by somebody who is quicker.
func (f *Forum) Between(do func()) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	f.between = do
}

// Writes is how many requests have changed something about comments.
func (f *Forum) Writes() int {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	return f.writes
}

// forumPaths are where each host has what concerns pull requests: those of a commit or all, one of them, its comments,
// and one comment.
var forumPaths = map[forge.Provider]struct{ list, pull, comments, comment *regexp.Regexp }{
	forge.GitHub: {regexp.MustCompile(`^/commits/([0-9a-f]{40})/pulls$`), regexp.MustCompile(`^/pulls/(\d+)$`),
		regexp.MustCompile(`^/issues/(\d+)/comments$`), regexp.MustCompile(`^/issues()/comments/(\d+)$`)},
	forge.Gitea: {regexp.MustCompile(`^/pulls()$`), regexp.MustCompile(`^/pulls/(\d+)$`),
		regexp.MustCompile(`^/issues/(\d+)/comments$`), regexp.MustCompile(`^/issues()/comments/(\d+)$`)},
	forge.GitLab: {regexp.MustCompile(`^/repository/commits/([0-9a-f]{40})/merge_requests$`),
		regexp.MustCompile(`^/merge_requests/(\d+)$`), regexp.MustCompile(`^/merge_requests/(\d+)/notes$`),
		regexp.MustCompile(`^/merge_requests/(\d+)/notes/(\d+)$`)},
	forge.BitbucketCloud: {regexp.MustCompile(`^/pullrequests()$`), regexp.MustCompile(`^/pullrequests/(\d+)$`),
		regexp.MustCompile(`^/pullrequests/(\d+)/comments$`), regexp.MustCompile(`^/pullrequests/(\d+)/comments/(\d+)$`)},
	forge.BitbucketDataCenter: {regexp.MustCompile(`^/pull-requests()$`), regexp.MustCompile(`^/pull-requests/(\d+)$`),
		regexp.MustCompile(`^/pull-requests/(\d+)/(?:comments|activities)$`),
		regexp.MustCompile(`^/pull-requests/(\d+)/comments/(\d+)$`)},
}

// discuss answers what concerns pull requests, and reports whether the request did.
func (f *Forum) discuss(w http.ResponseWriter, r *http.Request, rest string) bool {
	paths := forumPaths[f.host.provider]
	f.named(w)
	if m := paths.list.FindStringSubmatch(rest); m != nil && r.Method == http.MethodGet {
		f.listPulls(w, r, m[1])
		return true
	}
	if m := paths.pull.FindStringSubmatch(rest); m != nil && r.Method == http.MethodGet {
		if p := f.pull(w, m[1]); p != nil {
			send(w, http.StatusOK, f.pullJSON(*p))
		}
		return true
	}
	if m := paths.comments.FindStringSubmatch(rest); m != nil {
		if p := f.pull(w, m[1]); p != nil {
			f.discussed(w, r, rest, *p)
		}
		return true
	}
	if m := paths.comment.FindStringSubmatch(rest); m != nil {
		f.oneComment(w, r, m[1], m[2])
		return true
	}
	return false
}

// pull is the pull request of a number; if there is none, the host says so.
func (f *Forum) pull(w http.ResponseWriter, number string) *Pull {
	for i, p := range f.pulls {
		if strconv.Itoa(p.Number) == number {
			return &f.pulls[i]
		}
	}
	f.host.answer(w, http.StatusNotFound, "Not Found")
	return nil
}

// listPulls answers with the pull requests of a commit on GitHub and GitLab, which know them all, and with the open
// ones elsewhere, where no others may be asked for.
func (f *Forum) listPulls(w http.ResponseWriter, r *http.Request, commit string) {
	var items []any
	open := "OPEN"
	if f.host.provider == forge.Gitea {
		open = "open"
	}
	switch {
	case commit != "" && !f.host.commits[commit]:
		f.host.unknownCommit(w, commit)
		return
	case commit == "" && r.URL.Query().Get("state") != open:
		f.host.answer(w, http.StatusBadRequest, "state is not what is open")
		return
	}
	for _, p := range f.pulls {
		if commit != "" || !p.Closed {
			items = append(items, f.pullJSON(p))
		}
	}
	f.sendPage(w, r, items)
}

// named tells whose the token is in the way of Bitbucket Data Center.
func (f *Forum) named(w http.ResponseWriter) {
	if f.host.provider == forge.BitbucketDataCenter && !f.hidden {
		w.Header().Set("X-AUSERNAME", f.user)
	}
}

// whoami tells whose the token is, and reports whether that was asked.
func (f *Forum) whoami(w http.ResponseWriter, r *http.Request) bool {
	asked := r.Method == http.MethodGet && r.URL.Path == f.host.API()+"/user"
	if !asked || f.host.provider == forge.BitbucketDataCenter {
		return false
	}
	switch {
	case f.hidden:
		f.host.answer(w, http.StatusForbidden, "Resource not accessible by integration")
	case f.host.provider == forge.GitLab:
		send(w, http.StatusOK, map[string]any{"id": 7, "username": f.user})
	case f.host.provider == forge.BitbucketCloud:
		send(w, http.StatusOK, map[string]any{"uuid": f.user})
	default:
		send(w, http.StatusOK, map[string]any{"id": 7, "login": f.user})
	}
	return true
}

// pullJSON is a pull request as its host shows it.
func (f *Forum) pullJSON(p Pull) any {
	state := map[bool][3]string{false: {"open", "opened", "OPEN"}, true: {"closed", "merged", "MERGED"}}[p.Closed]
	ids := map[string]int{f.host.repository: 1, "": 0}
	id, known := ids[p.From]
	if !known {
		id = 2
	}
	repo := map[string]any{"id": id, "uuid": fmt.Sprintf("{%d}", id)}
	if p.From == "" {
		repo = nil
	}
	own := map[string]any{"id": 1, "uuid": "{1}"}
	switch f.host.provider {
	case forge.GitLab:
		m := map[string]any{"iid": p.Number, "id": 5000 + p.Number, "state": state[1], "sha": p.Head,
			"source_project_id": id, "target_project_id": 1}
		if p.From == "" {
			m["source_project_id"] = nil
		}
		return m
	case forge.BitbucketCloud:
		return map[string]any{"id": p.Number, "state": state[2], "destination": map[string]any{"repository": own},
			"source": map[string]any{"commit": map[string]any{"hash": p.Head[:12]}, "repository": repo}}
	case forge.BitbucketDataCenter:
		return map[string]any{"id": p.Number, "state": state[2], "toRef": map[string]any{"repository": own},
			"fromRef": map[string]any{"latestCommit": p.Head, "repository": repo}}
	}
	head := map[string]any{"sha": p.Head, "repo": repo, "repo_id": id, "label": "branch"}
	if p.From == "" {
		head["repo_id"] = -1
	}
	if p.Ref {
		head["label"] = ""
	}
	return map[string]any{"number": p.Number, "id": 5000 + p.Number, "state": state[0], "head": head,
		"base": map[string]any{"repo": own, "repo_id": 1}}
}
