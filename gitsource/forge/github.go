package forge

import (
	"net/http"
	"strings"
	"time"
)

// github speaks REST API version 2022-11-28 of GitHub and GitHub Enterprise: POST /repos/{owner}/{repo}/statuses/{sha}.
// It takes descriptions of 140 characters, contexts of 255, and 1,000 statuses per commit and context.
type github struct{}

func (github) repository(p Place) string { return "/repos/" + p.path() }

func (g github) status(p Place, s Status) (string, any) {
	return g.repository(p) + "/statuses/" + s.Commit, struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url,omitempty"`
		Description string `json:"description"`
		Context     string `json:"context"`
	}{string(s.State), s.URL, plain(s.Description), s.Context}
}

func (github) identify(r *http.Request, t Token) {
	r.Header.Set("Authorization", "Bearer "+t.Secret)
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
}

func (github) understand(s said) said {
	text := strings.ToLower(s.text)
	limited := strings.Contains(text, "rate limit") || strings.Contains(text, "abuse detection")
	switch {
	case s.code == http.StatusUnprocessableEntity && strings.HasPrefix(text, "no commit found"):
		s.is = unknown
	case s.is == hindered && s.pause == 0 && limited:
		s.pause = time.Minute // what is asked for if an answer names no time
	}
	return s
}

// question is none: GitHub says by another code that it does not know a commit. To ask for the repository would
// mislead: a token that may read it and write no statuses gets 404 for a status, and one that may only write statuses
// gets it for the repository.
func (github) question(Place, string, said) question { return question{} }

// plain leaves out characters beyond the basic plane, which GitHub refuses in a description.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		if c > 0xFFFF {
			return -1
		}
		return c
	}, text)
}
