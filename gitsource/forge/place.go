package forge

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// Provider is a Git host's API.
type Provider string

// The providers.
const (
	GitHub              Provider = "GitHub"
	GitLab              Provider = "GitLab"
	Gitea               Provider = "Gitea" // and Forgejo
	BitbucketCloud      Provider = "BitbucketCloud"
	BitbucketDataCenter Provider = "BitbucketDataCenter"
)

// Place is where a repository is on its host.
type Place struct {
	Provider Provider
	// API is the base of the API, without a slash at its end.
	API string
	// Repository is owner/name; on GitLab with all groups.
	Repository string
	// web is the base of the host's pages.
	web string
}

// Locate finds out where a repository is on its host: from the URL that it is cloned from, unless api (the base of the
// API) or repository (owner/name) say otherwise.
func Locate(p Provider, source, api, repository string) (Place, error) {
	place := Place{Provider: p, API: strings.TrimRight(api, "/"), Repository: strings.Trim(repository, "/")}
	a, _, err := remote.ParseAddress(source, remote.Auth{})
	if err != nil {
		return place, err
	}
	known := a.Scheme != "file"
	if !known && (place.API == "" || place.Repository == "") {
		return place, fmt.Errorf("%s cannot be told from a repository of this machine: set url and repository", p)
	}
	prefix, path := split(p, strings.TrimSuffix(strings.Trim(a.Path, "/"), ".git"))
	if place.Repository == "" {
		place.Repository = path
	}
	if known {
		place.web = site(p, a) + prefix
	}
	if place.API == "" {
		place.API = apiOf(p, place.web)
	}
	if err := place.check(); err != nil {
		return place, err
	}
	return place, nil
}

// split takes the path of a clone URL apart: what the host is served below, and the repository.
func split(p Provider, path string) (prefix, repository string) {
	if p == GitLab {
		return "", path // groups can be as deep as one likes
	}
	parts := strings.Split(path, "/")
	n := max(0, len(parts)-2)
	repository = strings.Join(parts[n:], "/")
	if p == BitbucketDataCenter && n > 0 && parts[n-1] == "scm" {
		n--
	}
	if n > 0 {
		prefix = "/" + strings.Join(parts[:n], "/")
	}
	return prefix, repository
}

// site is the base of the host's pages. Who clones by ssh finds them by https.
func site(p Provider, a remote.Address) string {
	host := a.Host
	if a.Scheme == "ssh" {
		host = a.Hostname()
		switch {
		case p == GitHub && host == "ssh.github.com":
			host = "github.com"
		case p == GitLab && host == "altssh.gitlab.com":
			host = "gitlab.com"
		case p == BitbucketCloud:
			host = "bitbucket.org"
		}
		return "https://" + host
	}
	return a.Scheme + "://" + host
}

func apiOf(p Provider, web string) string {
	switch p {
	case GitHub:
		if web == "https://github.com" {
			return "https://api.github.com"
		}
		return web + "/api/v3"
	case GitLab:
		return web + "/api/v4"
	case Gitea:
		return web + "/api/v1"
	case BitbucketCloud:
		return "https://api.bitbucket.org/2.0"
	}
	return web + "/rest/api/latest"
}

func (p Place) check() error {
	u, err := url.Parse(p.API)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		return errors.New("url is not the base of an API: expected something like https://git.example.com/api/v4, " +
			"without credentials")
	}
	parts := strings.Split(p.Repository, "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("repository %q: expected owner/name", p.Repository)
		}
	}
	if len(parts) < 2 || len(parts) > 2 && p.Provider != GitLab {
		return fmt.Errorf("repository %q: expected owner/name", p.Repository)
	}
	return nil
}

// String is the API and the repository, for a person and to tell one place from another.
func (p Place) String() string { return string(p.Provider) + " " + p.API + " " + p.Repository }

// page is the host's own page of a commit, where one is known.
func (p Place) page(commit string) string {
	web := p.web
	if web == "" {
		web, _, _ = strings.Cut(p.API, "/rest/api")
		web = strings.Replace(web, "https://api.bitbucket.org/2.0", "https://bitbucket.org", 1)
	}
	if p.Provider == BitbucketDataCenter {
		project, name, _ := strings.Cut(p.Repository, "/")
		return web + "/projects/" + url.PathEscape(project) + "/repos/" + url.PathEscape(name) + "/commits/" + commit
	}
	return web + "/" + p.path() + "/commits/" + commit
}

// path is the repository as part of a URL's path.
func (p Place) path() string {
	var parts []string
	for part := range strings.SplitSeq(p.Repository, "/") {
		parts = append(parts, url.PathEscape(part))
	}
	return strings.Join(parts, "/")
}
