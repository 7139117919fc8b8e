package forgetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// maxStatuses is how many statuses GitHub takes of one commit and context.
const maxStatuses = 1000

// take checks a status and keeps it.
func (h *Host) take(w http.ResponseWriter, r *http.Request, commit string) {
	var body map[string]string
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || json.Unmarshal(text, &body) != nil {
		h.answer(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	rules := rulesOf[h.provider]
	if problem := rules.broken(body); problem != "" {
		h.answer(w, rules.code, problem)
		return
	}
	name := body[rules.context]
	if problem := h.transition(commit, name, body["state"]); problem != "" {
		h.answer(w, rules.code, problem)
		return
	}
	if h.statuses[commit] == nil {
		h.statuses[commit] = map[string][]Posted{}
	}
	h.keep(commit, name, Posted{State: body["state"], Description: body["description"], URL: body[rules.url],
		Name: body["name"]})
	if h.provider == forge.BitbucketDataCenter {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(body)
}

// transition is why a host does not take a state after those before.
func (h *Host) transition(commit, name, state string) string {
	before := h.statuses[commit][name]
	if h.provider == forge.GitHub && len(before) >= maxStatuses {
		return "Validation Failed: This SHA and context has reached the maximum number of statuses."
	}
	if h.provider != forge.GitLab || len(before) == 0 {
		return ""
	}
	switch last := before[len(before)-1].State; {
	case state == "running" && last == "running":
		return "Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")"
	case state == "pending" && (last == "pending" || last == "running"):
		return "Cannot transition status via :enqueue from :" + last +
			" (Reason(s): Status cannot transition via \"enqueue\")"
	}
	return ""
}

// rules are what a host demands of a status.
type rules struct {
	code         int // of a refusal
	context, url string
	fields       map[string]int // characters that may be in them
	required     []string
	states       []string
	basicPlane   bool // descriptions have no characters beyond it
}

var rulesOf = map[forge.Provider]rules{
	forge.GitHub: {code: http.StatusUnprocessableEntity, context: "context", url: "target_url", basicPlane: true,
		fields:   map[string]int{"state": 20, "target_url": 2000, "description": 140, "context": 255},
		required: []string{"state"}, states: []string{"error", "failure", "pending", "success"}},
	forge.GitLab: {code: http.StatusBadRequest, context: "name", url: "target_url",
		fields:   map[string]int{"state": 20, "target_url": 255, "description": 255, "name": 255},
		required: []string{"state"},
		states:   []string{"pending", "running", "success", "failed", "canceled", "skipped"}},
	forge.Gitea: {code: http.StatusUnprocessableEntity, context: "context", url: "target_url",
		fields:   map[string]int{"state": 7, "target_url": 4000, "description": 4000, "context": 4000},
		required: []string{"state"}, states: []string{"pending", "success", "error", "failure", "warning"}},
	forge.BitbucketCloud: {code: http.StatusBadRequest, context: "key", url: "url",
		fields:   map[string]int{"state": 20, "url": 512, "description": 255, "key": 40, "name": 255},
		required: []string{"state", "key", "url"}, states: []string{"INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED"}},
	forge.BitbucketDataCenter: {code: http.StatusBadRequest, context: "key", url: "url",
		fields:   map[string]int{"state": 20, "url": 450, "description": 255, "key": 255, "name": 255},
		required: []string{"state", "key", "url"},
		states:   []string{"INPROGRESS", "SUCCESSFUL", "FAILED", "CANCELLED", "UNKNOWN"}},
}

// broken is which rule a status breaks; empty if none.
func (r rules) broken(body map[string]string) string {
	for field, text := range body {
		limit, known := r.fields[field]
		switch {
		case !known:
			return "unknown field " + field
		case utf8.RuneCountInString(text) > limit:
			return fmt.Sprintf("%s is too long (maximum is %d characters)", field, limit)
		case !utf8.ValidString(text):
			return field + " is not UTF-8"
		}
	}
	for _, field := range r.required {
		if body[field] == "" {
			return field + " is required"
		}
	}
	if !slices.Contains(r.states, body["state"]) {
		return "state is not included in the list"
	}
	if r.basicPlane && strings.ContainsFunc(body["description"], func(c rune) bool { return c > 0xFFFF }) {
		return "description contains unicode characters above 0xffff"
	}
	if link := body[r.url]; link != "" && !isLink(link) {
		return r.url + " must use http(s) scheme"
	}
	return ""
}

func isLink(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
