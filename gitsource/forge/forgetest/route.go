package forgetest

import (
	"net/http"
	"strings"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// route finds out what a request is about: a status of a commit, a commit, or the repository.
func (h *Host) route(w http.ResponseWriter, r *http.Request) {
	repository, before, after := h.paths()
	rest, ours := strings.CutPrefix(r.URL.EscapedPath(), repository)
	commit, status := between(rest, before, after)
	read, reads := strings.CutPrefix(rest, "/git/commits/")
	switch {
	case h.whoami(w, r):
	case !ours:
		h.answer(w, http.StatusNotFound, "Not Found")
	case h.may == None:
		h.noRepository(w)
	case h.discuss(w, r, rest), h.listed(w, r, rest):
	case r.Method == http.MethodGet && rest == "":
		h.named(w)
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodGet && reads && h.provider == forge.Gitea:
		h.readCommit(w, read)
	case !status:
		h.answer(w, http.StatusNotFound, "Not Found")
	case r.Method != http.MethodPost:
		h.answer(w, http.StatusMethodNotAllowed, "method not allowed")
	case h.may == Read:
		h.readOnly(w)
	case !h.commits[commit]:
		h.unknownCommit(w, commit)
	default:
		h.take(w, r, commit)
	}
}

// between is the one part of a path that stands between two texts.
func between(path, before, after string) (part string, ok bool) {
	part, starts := strings.CutPrefix(path, before)
	part, ends := strings.CutSuffix(part, after)
	return part, starts && ends && !strings.Contains(part, "/")
}

// paths are that of the repository, and what stands below it before and after the commit in the path of a status.
func (h *Host) paths() (repository, before, after string) {
	switch h.provider {
	case forge.GitHub:
		return "/api/v3/repos/" + h.repository, "/statuses/", ""
	case forge.GitLab:
		return "/api/v4/projects/" + strings.ReplaceAll(h.repository, "/", "%2F"), "/statuses/", ""
	case forge.Gitea:
		return "/api/v1/repos/" + h.repository, "/statuses/", ""
	case forge.BitbucketCloud:
		return "/2.0/repositories/" + h.repository, "/commit/", "/statuses/build"
	}
	project, name, _ := strings.Cut(h.repository, "/")
	return "/rest/api/latest/projects/" + project + "/repos/" + name, "/commits/", "/builds"
}

// API is the path of the API's base.
func (h *Host) API() string {
	return map[forge.Provider]string{forge.GitHub: "/api/v3", forge.GitLab: "/api/v4", forge.Gitea: "/api/v1",
		forge.BitbucketCloud: "/2.0", forge.BitbucketDataCenter: "/rest/api/latest"}[h.provider]
}

// noRepository is what who may not see the repository is told: nobody says whether there is one.
func (h *Host) noRepository(w http.ResponseWriter) {
	text := map[forge.Provider]string{
		forge.GitHub: "Not Found",
		forge.GitLab: "404 Project Not Found",
		forge.Gitea:  "The target couldn't be found.",
		forge.BitbucketCloud: "You may not have access to this repository or it no longer exists in this " +
			"workspace. If you think this repository exists and you have access, make sure you are authenticated.",
		forge.BitbucketDataCenter: "Repository " + h.repository + " does not exist.",
	}[h.provider]
	h.answer(w, http.StatusNotFound, text)
}

// readOnly is what who may read and not write is told. To GitHub's API there is nothing to write to, then.
func (h *Host) readOnly(w http.ResponseWriter) {
	if h.provider == forge.GitHub {
		h.answer(w, http.StatusNotFound, "Not Found")
		return
	}
	h.answer(w, http.StatusForbidden, "403 Forbidden")
}

// readCommit is Gitea's answer to who reads a commit.
func (h *Host) readCommit(w http.ResponseWriter, commit string) {
	if h.commits[commit] {
		w.WriteHeader(http.StatusOK)
		return
	}
	h.answer(w, http.StatusNotFound, commit)
}

func (h *Host) unknownCommit(w http.ResponseWriter, commit string) {
	switch h.provider {
	case forge.GitHub:
		h.answer(w, http.StatusUnprocessableEntity, "No commit found for SHA: "+commit)
	case forge.Gitea:
		h.answer(w, http.StatusInternalServerError, "")
	case forge.GitLab:
		h.answer(w, http.StatusNotFound, "404 Commit Not Found")
	case forge.BitbucketCloud:
		h.answer(w, http.StatusNotFound, "Commit not found")
	default:
		h.answer(w, http.StatusNotFound, "Commit '"+commit+"' does not exist in repository '"+h.repository+"'.")
	}
}
