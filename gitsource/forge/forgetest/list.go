package forgetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// As has statuses be written by another account from then on.
func (h *Host) As(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.user = user
}

// Unchanged is how many requests were answered by that nothing has changed.
func (h *Host) Unchanged() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unchanged
}

// keep keeps a status. GitLab changes one that waits or runs in its place, and Bitbucket has one of each key.
func (h *Host) keep(commit, name string, p Posted) {
	list := h.statuses[commit][name]
	at := slices.IndexFunc(list, func(old Posted) bool {
		switch h.provider {
		case forge.GitLab:
			return old.creator == h.user && (old.State == "pending" || old.State == "running")
		case forge.BitbucketCloud, forge.BitbucketDataCenter:
			return true
		}
		return false
	})
	h.ids++
	p.id, p.creator, p.created, p.updated = h.ids, h.user, time.Now(), time.Now()
	if at >= 0 {
		p.id, p.created = list[at].id, list[at].created
	}
	h.statuses[commit][name] = append(list, p)
}

// listed answers who reads the statuses of a commit, in the shape and order in which the host lists them. It reports
// whether anybody does.
func (h *Host) listed(w http.ResponseWriter, r *http.Request, rest string) bool {
	commit, reads := h.reads(rest)
	if r.Method != http.MethodGet || !reads {
		return false
	}
	if !h.commits[commit] && h.provider != forge.Gitea { // which lists none of it
		code, text := unreadable(h.provider, commit)
		h.answer(w, code, text)
		return true
	}
	all := map[int64]Posted{}
	for name, list := range h.statuses[commit] {
		for _, p := range list {
			p.context = name
			all[p.id] = p // the newest of those in one place
		}
	}
	var ids []int64
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if h.provider != forge.GitLab { // oldest first
		slices.Reverse(ids)
	}
	items := []any{}
	for _, id := range ids {
		items = append(items, h.statusJSON(commit, all[id]))
	}
	h.sendList(w, r, items)
	return true
}

// unreadable is what who reads the statuses of a commit that is not there is told.
func unreadable(p forge.Provider, commit string) (code int, text string) {
	switch p {
	case forge.GitHub:
		return http.StatusUnprocessableEntity, "No commit found for SHA: " + commit
	case forge.GitLab:
		return http.StatusNotFound, "404 Commit Not Found"
	}
	return http.StatusNotFound, "Commit not found"
}

// micro is how Bitbucket writes times.
const micro = "2006-01-02T15:04:05.000000-07:00"

// statusJSON is a status as its host lists it.
func (h *Host) statusJSON(commit string, p Posted) any {
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	switch h.provider {
	case forge.GitLab:
		one := map[string]any{"id": p.id, "sha": commit, "ref": "main", "status": p.State, "name": p.context,
			"target_url": p.URL, "description": p.Description, "created_at": p.created.UTC().Format(time.RFC3339Nano),
			"started_at": nil, "finished_at": nil, "allow_failure": false, "coverage": nil,
			"author": map[string]any{"id": 28, "username": p.creator, "name": "Bot", "state": "active"}}
		if p.State != "pending" && p.State != "running" {
			one["finished_at"] = p.updated.UTC().Format(time.RFC3339Nano)
		}
		return one
	case forge.BitbucketCloud:
		return map[string]any{"type": "build", "key": p.context, "name": p.Name, "state": p.State, "url": p.URL,
			"description": p.Description, "refname": nil, "created_on": p.created.UTC().Format(micro),
			"updated_on": p.updated.UTC().Format(micro)}
	}
	state := map[forge.Provider]string{forge.GitHub: "state", forge.Gitea: "status"}[h.provider]
	return map[string]any{"id": p.id, state: p.State, "context": p.context, "description": p.Description,
		"target_url": p.URL, "url": "https://api.test/statuses/" + commit, "created_at": stamp(p.created),
		"updated_at": stamp(p.updated), "creator": map[string]any{"login": p.creator, "id": 1}}
}

// sendList sends a page of a list, with an ETag where the host has them, and where the next page is.
func (h *Host) sendList(w http.ResponseWriter, r *http.Request, items []any) {
	q := r.URL.Query()
	size := h.page
	for _, name := range []string{"per_page", "limit", "pagelen"} {
		if n, err := strconv.Atoi(q.Get(name)); err == nil {
			size = min(size, n)
		}
	}
	number, _ := strconv.Atoi(q.Get("page")) // the first one otherwise
	start := min(len(items), max(0, number-1)*size)
	end := min(len(items), start+size)
	next := ""
	if end < len(items) {
		next = "https://elsewhere.test/not/here?" + url.Values{"page": {strconv.Itoa(number + 1)}}.Encode()
	}
	var body any = items[start:end]
	if h.provider == forge.BitbucketCloud {
		page := map[string]any{"values": body, "pagelen": size, "page": number}
		if next != "" {
			page["next"] = next
		}
		body, next = page, ""
	}
	if next != "" {
		w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, next))
	}
	text, err := json.Marshal(body)
	if err != nil {
		h.answer(w, http.StatusInternalServerError, err.Error())
		return
	}
	if h.provider == forge.GitHub || h.provider == forge.GitLab {
		sum := sha256.Sum256(append(text, next...))
		etag := `W/"` + hex.EncodeToString(sum[:8]) + `"`
		w.Header().Set("ETag", etag)
		if strings.Contains(r.Header.Get("If-None-Match"), etag) {
			h.unchanged++
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// reads is the commit whose statuses a path lists.
func (h *Host) reads(path string) (commit string, ok bool) {
	switch h.provider {
	case forge.GitHub:
		return between(path, "/commits/", "/statuses")
	case forge.GitLab:
		return between(path, "/repository/commits/", "/statuses")
	case forge.Gitea:
		return between(path, "/statuses/", "")
	case forge.BitbucketCloud:
		return between(path, "/commit/", "/statuses")
	}
	return "", false
}
