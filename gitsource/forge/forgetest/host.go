// Package forgetest plays Git hosts in tests: in-process servers that stand in for GitHub, GitLab, Bitbucket Cloud and
// Bitbucket Data Center, which cannot be had here, and for Gitea, where a real one would be too much. They implement
// the documented schema, limits and error answers of what a reporter calls, and are strict: an unknown field, a wrong
// state or a text that is too long is refused as the real ones do, or harder.
package forgetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// Posted is a status as the host took it, in the host's words.
type Posted struct {
	State, Description, URL, Name string

	id               int64 // the same of those that took one another's place
	context, creator string
	created, updated time.Time
}

// Host is one Git host with one repository. Safe for concurrent use.
type Host struct {
	provider   forge.Provider
	repository string

	mu       sync.Mutex
	token    string
	may      Access
	commits  map[string]bool
	statuses map[string]map[string][]Posted // by commit and context
	answers  []Answer
	down     bool
	slow     time.Duration
	requests int

	ids       int64 // that were given
	unchanged int   // requests that were answered so
	*Forum
}

// Access is what the token may do with the repository.
type Access int

// What a token may do.
const (
	Write Access = iota // read it, and write statuses and comments
	Read                // read it
	None                // not even see that it is there
)

// Answer is one answer that a Host gives instead of its own.
type Answer struct {
	Code   int
	Header map[string]string
	Body   string
}

// New returns a host with a repository owner/name, and a token that may write to it.
func New(provider forge.Provider, repository, token string) *Host {
	h := &Host{provider: provider, repository: repository, token: token, commits: map[string]bool{},
		statuses: map[string]map[string][]Posted{}}
	h.Forum = &Forum{host: h, user: "daemongate-bot", page: 100}
	return h
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

// Grant changes what the token may do from then on.
func (h *Host) Grant(may Access) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.may = may
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

// Slow has RoundTrip take so long to the host, and so long back: who gives up on the way back does not know that he was
// heard.
func (h *Host) Slow(way time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slow = way
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
	if err := h.way(r); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if err := h.way(r); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// way is the time that a request, or its answer, is under way.
func (h *Host) way(r *http.Request) error {
	h.mu.Lock()
	slow := h.slow
	h.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
	}
	return r.Context().Err()
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
	case r.Method != http.MethodGet && r.Header.Get("Content-Type") != "application/json":
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
