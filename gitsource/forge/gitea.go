package forge

import (
	"net/http"
	"time"
)

// gitea speaks API v1 of Gitea and Forgejo: POST /repos/{owner}/{repo}/statuses/{sha}.
type gitea struct{}

func (gitea) status(p Place, s Status) (string, any) {
	return "/repos/" + p.path() + "/statuses/" + s.Commit, struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url,omitempty"`
		Description string `json:"description"`
		Context     string `json:"context"`
	}{string(s.State), s.URL, s.Description, s.Context}
}

func (gitea) identify(r *http.Request, t Token) {
	if t.Username != "" {
		r.SetBasicAuth(t.Username, t.Secret)
		return
	}
	r.Header.Set("Authorization", "token "+t.Secret)
}

func (gitea) understand(s said) said { return pauseWhenTooMany(s) }

// commit is where a commit is asked about: a status of one that is not there is answered with 500
// (routers/api/v1/repo/status.go).
func (gitea) commit(p Place, hash string) string {
	return "/repos/" + p.path() + "/git/commits/" + hash + "?stat=false&verification=false&files=false"
}

// pauseWhenTooMany has a host that sends 429 without a time left alone for a minute.
func pauseWhenTooMany(s said) said {
	if s.code == http.StatusTooManyRequests && s.pause == 0 {
		s.pause = time.Minute
	}
	return s
}
