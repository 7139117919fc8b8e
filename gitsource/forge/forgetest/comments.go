package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// maxComment is how many characters a host takes in a comment; Gitea has no limit.
var maxComment = map[forge.Provider]int{forge.GitHub: 65_536, forge.GitLab: 1_000_000, forge.BitbucketCloud: 32_768,
	forge.BitbucketDataCenter: 32_768}

// discussed answers who reads the comments of a pull request, or adds one.
func (f *Forum) discussed(w http.ResponseWriter, r *http.Request, rest string, p Pull) {
	activities := strings.HasSuffix(rest, "/activities")
	switch {
	case r.Method == http.MethodGet && f.host.provider == forge.BitbucketDataCenter && !activities:
		f.host.answer(w, http.StatusBadRequest, "The path query parameter is required when retrieving comments.")
	case r.Method == http.MethodGet:
		f.sendPage(w, r, f.listed(f.on(p.Number)))
	case r.Method != http.MethodPost || activities:
		f.host.answer(w, http.StatusMethodNotAllowed, "method not allowed")
	default:
		f.add(w, r, p)
	}
}

// listed are comments as the host lists them. Bitbucket Data Center does so among all that happened, newest first, and
// may tell of one twice.
func (f *Forum) listed(comments []Comment) []any {
	var items []any
	for _, c := range comments {
		if f.host.provider != forge.BitbucketDataCenter {
			items = append(items, f.commentJSON(c))
			continue
		}
		items = append(items, map[string]any{"action": "RESCOPED"},
			map[string]any{"action": "COMMENTED", "commentAction": "ADDED", "comment": f.commentJSON(c)},
			map[string]any{"action": "COMMENTED", "commentAction": "REPLIED", "comment": f.commentJSON(c)})
	}
	if f.host.provider == forge.BitbucketDataCenter {
		slices.Reverse(items)
	}
	return items
}

func (f *Forum) add(w http.ResponseWriter, r *http.Request, p Pull) {
	text, _, ok := f.written(w, r)
	if !ok {
		return
	}
	c := Comment{ID: 100 + len(f.comments), Pull: p.Number, Author: f.user, Text: text}
	f.comments = append(f.comments, c)
	f.writes++
	send(w, http.StatusCreated, f.commentJSON(c))
}

// oneComment answers who reads a comment, or edits it.
func (f *Forum) oneComment(w http.ResponseWriter, r *http.Request, pull, id string) {
	at := slices.IndexFunc(f.comments, func(c Comment) bool {
		return strconv.Itoa(c.ID) == id && (pull == "" || strconv.Itoa(c.Pull) == pull)
	})
	method := http.MethodPut
	if f.host.provider == forge.GitHub || f.host.provider == forge.Gitea {
		method = http.MethodPatch
	}
	switch {
	case at < 0:
		f.host.answer(w, http.StatusNotFound, "Not Found")
		return
	case r.Method == http.MethodGet:
		send(w, http.StatusOK, f.commentJSON(f.comments[at]))
		return
	case r.Method != method:
		f.host.answer(w, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	if do := f.between; do != nil {
		f.between = nil
		f.host.mu.Unlock()
		do()
		f.host.mu.Lock()
	}
	text, version, ok := f.written(w, r)
	c := &f.comments[at]
	switch {
	case !ok:
	case c.Author != f.user && !f.moderate:
		f.host.answer(w, http.StatusForbidden, "403 Forbidden")
	case f.host.provider == forge.BitbucketDataCenter && version != c.Version:
		f.host.answer(w, http.StatusConflict, fmt.Sprintf("The comment has been updated to version %d.", c.Version))
	default:
		c.Text, c.Version = text, c.Version+1
		f.writes++
		send(w, http.StatusOK, f.commentJSON(*c))
	}
}

// written is the comment that a request brings; if it brings none that the host takes, the host says so.
func (f *Forum) written(w http.ResponseWriter, r *http.Request) (text string, version int, ok bool) {
	if f.host.may != Write {
		f.host.answer(w, http.StatusForbidden, "Resource not accessible by integration")
		return "", 0, false
	}
	var body struct {
		Body, Text *string
		Version    *int
		Content    *struct {
			Raw *string
		}
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		f.host.answer(w, http.StatusBadRequest, "Problems parsing JSON")
		return "", 0, false
	}
	found := body.Body
	switch f.host.provider {
	case forge.BitbucketCloud:
		found = nil
		if body.Content != nil {
			found = body.Content.Raw
		}
	case forge.BitbucketDataCenter:
		if found = body.Text; r.Method == http.MethodPut && body.Version == nil {
			found = nil
		}
		if body.Version != nil {
			version = *body.Version
		}
	}
	if found == nil || *found == "" {
		f.host.answer(w, http.StatusUnprocessableEntity, "body can't be blank")
		return "", 0, false
	}
	if limit := maxComment[f.host.provider]; limit > 0 && utf8.RuneCountInString(*found) > limit {
		code := http.StatusBadRequest
		if f.host.provider == forge.GitHub {
			code = http.StatusUnprocessableEntity
		}
		f.host.answer(w, code, fmt.Sprintf("body is too long (maximum is %d characters)", limit))
		return "", 0, false
	}
	return *found, version, true
}

// commentJSON is a comment as its host shows it. Line ends become those of a form, and space at the end is gone.
func (f *Forum) commentJSON(c Comment) any {
	text := strings.ReplaceAll(strings.TrimRight(c.Text, "\n"), "\n", "\r\n")
	kind := map[bool]string{true: "User", false: "Bot"}[c.Person]
	switch f.host.provider {
	case forge.GitLab:
		return map[string]any{"id": c.ID, "body": text, "system": false,
			"author": map[string]any{"username": c.Author}}
	case forge.BitbucketCloud:
		return map[string]any{"id": c.ID, "deleted": false, "content": map[string]any{"raw": text},
			"user": map[string]any{"uuid": c.Author}}
	case forge.BitbucketDataCenter:
		return map[string]any{"id": c.ID, "version": c.Version, "text": text,
			"author": map[string]any{"name": c.Author}}
	}
	return map[string]any{"id": c.ID, "body": text, "user": map[string]any{"login": c.Author, "type": kind}}
}

// sendPage answers with a page of a list, in the host's way to name the next one. Gitea does not page comments.
func (f *Forum) sendPage(w http.ResponseWriter, r *http.Request, items []any) {
	q := r.URL.Query()
	start, err := strconv.Atoi(q.Get("page"))
	start = max(0, start-1) * f.page
	if f.host.provider == forge.BitbucketDataCenter {
		start, err = strconv.Atoi(q.Get("start"))
	}
	if err != nil {
		start = 0
	}
	end := min(len(items), start+f.page)
	if f.host.provider == forge.Gitea && strings.HasSuffix(r.URL.Path, "/comments") {
		start, end = 0, len(items)
	}
	page := append([]any{}, items[min(start, end):end]...)
	q.Set("page", strconv.Itoa(start/f.page+2))
	next := "https://elsewhere.test/not/here?" + q.Encode()
	switch {
	case f.host.provider == forge.BitbucketDataCenter:
		body := map[string]any{"values": page, "isLastPage": end == len(items), "nextPageStart": nil}
		if end < len(items) {
			body["nextPageStart"] = end
		}
		send(w, http.StatusOK, body)
		return
	case f.host.provider == forge.BitbucketCloud:
		body := map[string]any{"values": page, "pagelen": f.page}
		if end < len(items) {
			body["next"] = next
		}
		send(w, http.StatusOK, body)
		return
	case end < len(items):
		w.Header().Set("Link", `<https://elsewhere.test/?page=1>; rel="first", <`+next+`>; rel="next"`)
	}
	send(w, http.StatusOK, page)
}

func send(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
