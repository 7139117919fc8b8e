package remote

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// Address is where a repository is: a URL without user, password and query.
type Address struct {
	Scheme string // file, http, https or ssh
	User   string // of an SSH URL only
	Host   string // with the port, if one is given
	Path   string
}

// scpLike is what OpenSSH's scp and git take for a place on another machine: user@host:path.
var scpLike = regexp.MustCompile(`^(?:([^/@:]+)@)?([^/:@]+):([^/].*|/.*)$`)

// ParseAddress reads a repository's URL, a path of this machine, or git's short form of an SSH URL. Credentials in
// the URL are moved into auth if that has none. No error repeats the URL: it may hold a password.
func ParseAddress(raw string, auth Auth) (Address, Auth, error) {
	switch {
	case strings.TrimSpace(raw) == "":
		return Address{}, auth, errors.New("the repository's URL is empty")
	case strings.Contains(raw, "://"):
		return parseURL(raw, auth)
	case strings.Contains(raw, "::"):
		return Address{}, auth, errors.New("the repository's URL names a remote helper (…::…): only http, https, ssh and file are spoken")
	}
	if m := scpLike.FindStringSubmatch(raw); m != nil && !filepath.IsAbs(raw) && len(m[2]) > 1 {
		// A path without a leading slash is relative to the user's home there.
		path := m[3]
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		return Address{Scheme: "ssh", User: m[1], Host: m[2], Path: path}, auth, nil
	}
	return local(raw, auth)
}

func local(path string, auth Auth) (Address, Auth, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Address{}, auth, fmt.Errorf("repository's path: %w", err)
	}
	return Address{Scheme: "file", Path: abs}, auth, nil
}

func parseURL(raw string, auth Auth) (Address, Auth, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Address{}, auth, errors.New("the repository's URL cannot be read: expected https://host/path, ssh://user@host/path, or a path (escape special characters in it as %XX)")
	}
	a := Address{Scheme: strings.ToLower(u.Scheme), Host: u.Host, Path: u.EscapedPath()}
	switch a.Scheme {
	case "http", "https":
		auth = auth.orFrom(u.User)
	case "ssh":
		a.User, a.Path = u.User.Username(), u.Path
		auth = auth.orFrom(u.User)
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return Address{}, auth, errors.New("a file URL has no host: write file:///path")
		}
		return Address{Scheme: "file", Path: filepath.Clean(u.Path)}, auth, nil
	case "git":
		return Address{}, auth, errors.New("git:// is neither encrypted nor authenticated and not spoken: use https or ssh")
	default:
		return Address{}, auth, fmt.Errorf("the scheme %q of the repository's URL is not spoken: use https, http, ssh or file", a.Scheme)
	}
	if a.Host == "" || strings.Trim(a.Path, "/") == "" {
		return Address{}, auth, errors.New("the repository's URL lacks a host or a path: expected " + a.Scheme + "://host/path")
	}
	return a, auth, nil
}

// orFrom takes over the credentials of a URL if there are none.
func (a Auth) orFrom(u *url.Userinfo) Auth {
	if password, ok := u.Password(); ok && len(a.passwords()) == 0 {
		a.Username, a.Password = u.Username(), password
	} else if u.Username() != "" && a.Username == "" {
		a.Username = u.Username()
	}
	return a
}

// String is the address as a person would write it.
func (a Address) String() string {
	if a.Scheme == "file" {
		return a.Path
	}
	user := ""
	if a.User != "" {
		user = a.User + "@"
	}
	return a.Scheme + "://" + user + a.Host + a.Path
}
