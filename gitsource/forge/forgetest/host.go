// Package forgetest plays Git hosts in tests: in-process servers that stand in for GitHub, GitLab, Bitbucket Cloud and
// Bitbucket Data Center, which cannot be had here, and for Gitea, where a real one would be too much. They implement the
// documented schema, limits and error answers of what a reporter calls, and are strict: an unknown field, a wrong state
// or a text that is too long is refused as the real ones do, or harder.
package forgetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// Posted is a status as the host took it, in the host's words.
type Posted struct{ State, Description, URL, Name string }

// Host is one Git host with one repository. Safe for concurrent use.
type Host struct {
	provider   forge.Provider
	repository string

	mu       sync.Mutex
	token    string
	commits  map[string]bool
	statuses map[string]map[string][]Posted // by commit and context
	answers  []Answer
	down     bool
	requests int
}

// Answer is one answer that a Host gives instead of its own.
type Answer struct {
	Code   int
	Header map[string]string
	Body   string
}

// New returns a host with a repository owner/name, and a token that may write to it.
func New(provider forge.Provider, repository, token string) *Host {
	return &Host{provider: provider, repository: repository, token: token, commits: map[string]bool{}, statuses: map[string]map[string][]Posted{}}
}

// Push makes commits known.
func (h *Host) Push(commits ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range commits {
		h.commits[c] = true
	}
}

// Rotate replaces the token; the old one is refused from then on.
func (h *Host) Rotate(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.token = token
}

// Say has the next requests answered so, whatever they ask.
func (h *Host) Say(answers ...Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, answers...)
}

// Down has every request answered with 503 until it is up again.
func (h *Host) Down(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

// Requests is how many there were.
func (h *Host) Requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests
}

// Statuses are what was taken of a commit in a context, oldest first. On Bitbucket the context is the key.
func (h *Host) Statuses(commit, context string) []Posted {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Posted(nil), h.statuses[commit][context]...)
}

// Last is the newest status of a commit in a context.
func (h *Host) Last(commit, context string) Posted {
	all := h.Statuses(commit, context)
	if len(all) == 0 {
		return Posted{}
	}
	return all[len(all)-1]
}

// RoundTrip answers without a network, for tests with a clock of their own.
func (h *Host) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// ServeHTTP answers one request.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
	switch {
	case h.down:
		http.Error(w, "upstream is gone", http.StatusServiceUnavailable)
	case len(h.answers) > 0:
		a := h.answers[0]
		h.answers = h.answers[1:]
		for name, value := range a.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(a.Code)
		_, _ = w.Write([]byte(a.Body))
	case !h.authorized(r):
		h.answer(w, http.StatusUnauthorized, "Bad credentials")
	case r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json":
		h.answer(w, http.StatusUnsupportedMediaType, "unsupported media type")
	default:
		h.route(w, r)
	}
}

func (h *Host) authorized(r *http.Request) bool {
	user, password, basic := r.BasicAuth()
	switch h.provider {
	case forge.GitLab:
		return r.Header.Get("PRIVATE-TOKEN") == h.token
	case forge.Gitea:
		return r.Header.Get("Authorization") == "token "+h.token
	case forge.GitHub:
		return r.Header.Get("Authorization") == "Bearer "+h.token && r.Header.Get("User-Agent") != ""
	}
	return r.Header.Get("Authorization") == "Bearer "+h.token || basic && user != "" && password == h.token
}

// route finds the commit that a request is about.
func (h *Host) route(w http.ResponseWriter, r *http.Request) {
	before, after := h.paths()
	rest, ours := strings.CutPrefix(r.URL.EscapedPath(), before)
	commit, fits := strings.CutSuffix(rest, after)
	if asked, reads := strings.CutPrefix(r.URL.EscapedPath(), "/api/v1/repos/"+h.repository+"/git/commits/"); reads && h.provider == forge.Gitea {
		if h.commits[asked] {
			w.WriteHeader(http.StatusOK)
			return
		}
		h.answer(w, http.StatusNotFound, "commit doesn't exist: "+asked)
		return
	}
	switch {
	case !ours || !fits || strings.Contains(commit, "/"):
		h.answer(w, http.StatusNotFound, "Not Found")
	case r.Method != http.MethodPost:
		h.answer(w, http.StatusMethodNotAllowed, "method not allowed")
	case !h.commits[commit]:
		h.unknownCommit(w, commit)
	default:
		h.take(w, r, commit)
	}
}

// paths are what stands before and after the commit in the path of a status.
func (h *Host) paths() (before, after string) {
	switch h.provider {
	case forge.GitHub:
		return "/api/v3/repos/" + h.repository + "/statuses/", ""
	case forge.GitLab:
		return "/api/v4/projects/" + strings.ReplaceAll(h.repository, "/", "%2F") + "/statuses/", ""
	case forge.Gitea:
		return "/api/v1/repos/" + h.repository + "/statuses/", ""
	case forge.BitbucketCloud:
		return "/2.0/repositories/" + h.repository + "/commit/", "/statuses/build"
	}
	project, name, _ := strings.Cut(h.repository, "/")
	return "/rest/api/latest/projects/" + project + "/repos/" + name + "/commits/", "/builds"
}

// API is the path of the API's base.
func (h *Host) API() string {
	return map[forge.Provider]string{forge.GitHub: "/api/v3", forge.GitLab: "/api/v4", forge.Gitea: "/api/v1",
		forge.BitbucketCloud: "/2.0", forge.BitbucketDataCenter: "/rest/api/latest"}[h.provider]
}

func (h *Host) unknownCommit(w http.ResponseWriter, commit string) {
	switch h.provider {
	case forge.GitHub:
		h.answer(w, http.StatusUnprocessableEntity, "No commit found for SHA: "+commit)
	case forge.Gitea:
		h.answer(w, http.StatusInternalServerError, "")
	case forge.GitLab:
		h.answer(w, http.StatusNotFound, "404 Commit Not Found")
	default:
		h.answer(w, http.StatusNotFound, "Commit '"+commit+"' does not exist")
	}
}

// answer is an error in the host's own shape.
func (h *Host) answer(w http.ResponseWriter, code int, message string) {
	var body any = map[string]any{"message": message, "documentation_url": "https://docs.example.com"}
	switch h.provider {
	case forge.GitLab:
		body = map[string]any{"message": message}
	case forge.BitbucketCloud:
		body = map[string]any{"type": "error", "error": map[string]any{"message": message}}
	case forge.BitbucketDataCenter:
		body = map[string]any{"errors": []any{map[string]any{"context": nil, "message": message, "exceptionName": nil}}}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
