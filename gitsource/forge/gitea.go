package forge

import (
	"net/http"
	"time"
)

// gitea speaks API v1 of Gitea and Forgejo: POST /repos/{owner}/{repo}/statuses/{sha}.
type gitea struct{}

func (gitea) repository(p Place) string { return "/repos/" + p.path() }

func (g gitea) status(p Place, s Status) (string, any) {
	return g.repository(p) + "/statuses/" + s.Commit, struct {
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

// question is about the commit where Gitea fails, as it does with a status of one that it does not know
// (routers/api/v1/repo/status.go), and about the repository where something was not found.
func (g gitea) question(p Place, commit string, s said) question {
	repository := g.repository(p)
	switch s.code {
	case http.StatusInternalServerError:
		return question{repository + "/git/commits/" + commit + "?stat=false&verification=false&files=false",
			http.StatusNotFound}
	case http.StatusNotFound:
		return question{repository, http.StatusOK}
	}
	return question{}
}

// pauseWhenTooMany has a host that sends 429 without a time left alone for a minute.
func pauseWhenTooMany(s said) said {
	if s.code == http.StatusTooManyRequests && s.pause == 0 {
		s.pause = time.Minute
	}
	return s
}
