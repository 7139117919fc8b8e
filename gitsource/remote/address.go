package remote

import (
	"errors"
	"fmt"
	"net/netip"
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

// scpLike is what OpenSSH's scp and git take for a place on another machine: user@host:path, where the host may stand
// in brackets, as an IPv6 address must, with a user before it or a port behind it.
var scpLike = regexp.MustCompile(`^(?:([^/@:\[\]]+)@)?([^/:@\[\]]+|\[[^/\[\]]+\]):(.+)$`)

// inBrackets is what git takes for a host in brackets that is no IPv6 address.
var inBrackets = regexp.MustCompile(`^[^:@]+(:[0-9]+)?$`)

// remoteHelper is how git tells the URL of a program that speaks for it from a path that holds two colons.
var remoteHelper = regexp.MustCompile(`^(?:[A-Za-z0-9][A-Za-z0-9+.-]*)?::`)

// ParseAddress reads a repository's URL, a path of this machine, or git's short form of an SSH URL. Credentials in
// the URL are moved into auth if that has none. No error repeats the URL: it may hold a password.
func ParseAddress(raw string, auth Auth) (Address, Auth, error) {
	switch {
	case strings.TrimSpace(raw) == "":
		return Address{}, auth, errors.New("the repository's URL is empty")
	case remoteHelper.MatchString(raw):
		return Address{}, auth, errors.New("the repository's URL names a remote helper (…::…): only http, https, ssh " +
			"and file are spoken")
	case strings.Contains(raw, "://"):
		return parseURL(raw, auth)
	}
	if m := scpLike.FindStringSubmatch(raw); m != nil && !filepath.IsAbs(raw) && len(m[2]) > 1 {
		a, err := scpAddress(m[1], m[2], m[3])
		return a, auth, err
	}
	return local(raw, auth)
}

// scpAddress is that of user@host:path.
func scpAddress(user, host, path string) (Address, error) {
	if inner, found := strings.CutPrefix(host, "["); found {
		inner = strings.TrimSuffix(inner, "]")
		if before, after, found := strings.Cut(inner, "@"); found && user == "" {
			user, inner = before, after
		}
		switch ip, err := netip.ParseAddr(inner); {
		case err == nil && ip.Is6():
			host = "[" + inner + "]"
		case inBrackets.MatchString(inner):
			host = inner
		default:
			return Address{}, errors.New("what the repository's URL has in brackets is no host: expected " +
				"user@[address]:path or user@[host:port]:path")
		}
	}
	// A path without a leading slash is relative to the user's home there.
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return Address{Scheme: "ssh", User: user, Host: host, Path: path}, nil
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
		return Address{}, auth, errors.New("the repository's URL cannot be read: expected https://host/path, " +
			"ssh://user@host/path, or a path (escape special characters in it as %XX)")
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
		return Address{}, auth, errors.New("git:// is neither encrypted nor authenticated and not spoken: use https " +
			"or ssh")
	default:
		return Address{}, auth, fmt.Errorf("the scheme %q of the repository's URL is not spoken: use https, http, "+
			"ssh or file", a.Scheme)
	}
	if a.Host == "" || strings.Trim(a.Path, "/") == "" {
		return Address{}, auth, errors.New("the repository's URL lacks a host or a path: expected " + a.Scheme +
			"://host/path")
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
	host := a.Host
	if strings.HasPrefix(host, "[") { // of an IPv6 address, whose zone is escaped in URLs
		host = strings.ReplaceAll(host, "%", "%25")
	}
	return a.Scheme + "://" + user + host + a.Path
}

// Hostname is the host without a port, an IPv6 address in brackets.
func (a Address) Hostname() string {
	name := (&url.URL{Host: a.Host}).Hostname()
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}
