package forge

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// gitlab speaks API v4 of GitLab: POST /projects/{id}/statuses/{sha}. A status is a job of an external pipeline, with a
// state machine behind it. Name, target_url and description have at most 255 characters.
type gitlab struct{}

// gitlabStates are a commit's states in GitLab's words: what is under way is running.
var gitlabStates = map[State]string{Pending: "pending", Success: "success", Failure: "failed", Error: "failed"}

func (gitlab) repository(p Place) string { return "/projects/" + url.PathEscape(p.Repository) }

func (g gitlab) status(p Place, s Status) (string, any) {
	body := struct {
		State       string `json:"state"`
		Name        string `json:"name"`
		TargetURL   string `json:"target_url,omitempty"`
		Description string `json:"description"`
	}{gitlabStates[s.State], s.Context, s.URL, s.Description}
	if s.State == Pending && s.Underway {
		body.State = "running"
	}
	if utf8.RuneCountInString(body.TargetURL) > 255 {
		body.TargetURL = ""
	}
	return g.repository(p) + "/statuses/" + s.Commit, body
}

func (gitlab) identify(r *http.Request, t Token) { r.Header.Set("PRIVATE-TOKEN", t.Secret) }

func (gitlab) understand(s said) said {
	switch {
	case s.code == http.StatusNotFound &&
		(s.text == "404 Commit Not Found" || s.text == "404 References for commit Not Found"):
		s.is = unknown // it is not there, or no branch leads to it (lib/api/commit_statuses.rb)
	case s.code == http.StatusBadRequest && strings.Contains(s.text, "Cannot transition status"):
		s.is = told // it has that state already
	case s.code == http.StatusTooManyRequests && s.pause == 0:
		s.pause = time.Minute // its limits are by the minute
	}
	return s
}

// question is none: GitLab says what it has not found, the commit or the project.
func (gitlab) question(Place, string, said) question { return question{} }
