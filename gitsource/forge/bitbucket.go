package forge

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
)

// bitbucketStates are a commit's states in Bitbucket's words.
var bitbucketStates = map[State]string{Pending: "INPROGRESS", Success: "SUCCESSFUL", Failure: "FAILED", Error: "FAILED"}

// maxBuildURL is how many characters both take of a URL.
const maxBuildURL = 450

// build is a build status of either Bitbucket. A URL is required, so the commit's own page stands in for one.
type build struct {
	Key         string `json:"key"`
	State       string `json:"state"`
	URL         string `json:"url"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func buildOf(p Place, s Status, maxKey int) build {
	b := build{Key: shortKey(s.Context, maxKey), State: bitbucketStates[s.State], URL: s.URL, Name: s.Context,
		Description: s.Description}
	if b.URL == "" || len(b.URL) > maxBuildURL {
		b.URL = p.page(s.Commit)
	}
	return b
}

// shortKey is a context as a key of at most so many characters. A longer one becomes a hash, so that two that begin
// alike stay two.
func shortKey(context string, limit int) string {
	if len(context) <= limit {
		return context
	}
	sum := sha256.Sum256([]byte(context))
	return hex.EncodeToString(sum[:])[:min(limit, 40)]
}

// bitbucketCloud speaks API 2.0: POST /repositories/{workspace}/{repo}/commit/{commit}/statuses/build, with keys of at
// most 40 characters.
type bitbucketCloud struct{}

func (bitbucketCloud) repository(p Place) string { return "/repositories/" + p.path() }

func (b bitbucketCloud) status(p Place, s Status) (string, any) {
	return b.repository(p) + "/commit/" + s.Commit + "/statuses/build", buildOf(p, s, 40)
}

func (bitbucketCloud) identify(r *http.Request, t Token) { basicOrBearer(r, t) }

func (bitbucketCloud) understand(s said) said { return pauseWhenTooMany(s) }

func (b bitbucketCloud) question(p Place, _ string, s said) question {
	return whose(b.repository(p), s)
}

// bitbucketDataCenter speaks the REST API of Bitbucket Data Center 7.4 and later:
// POST /projects/{project}/repos/{repo}/commits/{commit}/builds.
type bitbucketDataCenter struct{}

func (bitbucketDataCenter) repository(p Place) string {
	project, name, _ := strings.Cut(p.Repository, "/")
	return "/projects/" + url.PathEscape(project) + "/repos/" + url.PathEscape(name)
}

func (b bitbucketDataCenter) status(p Place, s Status) (string, any) {
	return b.repository(p) + "/commits/" + s.Commit + "/builds", buildOf(p, s, 255)
}

func (bitbucketDataCenter) identify(r *http.Request, t Token) { basicOrBearer(r, t) }

func (bitbucketDataCenter) understand(s said) said { return pauseWhenTooMany(s) }

func (b bitbucketDataCenter) question(p Place, _ string, s said) question {
	return whose(b.repository(p), s)
}

// whose asks for the repository where something was not found: if that is there, it is the commit. Who may write a
// build status may read the repository. The words of the answer are not gone by: they name the repository, and are
// translated.
func whose(repository string, s said) question {
	if s.code != http.StatusNotFound {
		return question{}
	}
	return question{repository, http.StatusOK}
}

func basicOrBearer(r *http.Request, t Token) {
	if t.Username != "" {
		r.SetBasicAuth(t.Username, t.Secret)
		return
	}
	r.Header.Set("Authorization", "Bearer "+t.Secret)
}
