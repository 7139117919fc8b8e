package githubapp

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// early is how long before its end a token is renewed: a fetch that begins with it must be able to begin.
	early = 5 * time.Minute
	// GitHub takes a JWT of ten minutes at most. It begins a minute ago, because clocks differ:
	// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
	jwtLife, jwtPast = 9 * time.Minute, time.Minute
)

// Config is what GitHub shows of an App and its installation.
type Config struct {
	// ID is the App's ID, or its client ID.
	ID string
	// Installation is the number at the end of the address of the installation's settings.
	Installation string
	// Key is the App's private key, in PEM.
	Key string
	// URL is where a GitHub Enterprise Server is, such as https://github.example.com; github.com if empty.
	URL string
}

// App is an installation of a GitHub App. It is safe for concurrent use, and prints as nothing that is secret.
type App struct {
	config Config
	api    string
	key    *rsa.PrivateKey

	turn chan struct{} // held by who asks GitHub

	mu     sync.Mutex
	tokens map[Grant]token
}

var digits = regexp.MustCompile(`^[0-9]{1,19}$`)

// New checks an App's configuration, without connecting. Errors name what is wrong, and hold nothing of the key.
func New(c Config) (*App, error) {
	if c.ID == "" || !digits.MatchString(c.Installation) {
		return nil, errors.New("a GitHub App needs its ID and the number of its installation")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(c.Key))
	if err != nil {
		return nil, errors.New("the GitHub App's private key cannot be read: expected RSA in PEM, as GitHub " +
			"hands it out")
	}
	api, err := apiOf(c.URL)
	if err != nil {
		return nil, err
	}
	return &App{config: c, api: api, key: key, turn: make(chan struct{}, 1)}, nil
}

// apiOf is the root of the API of the server at an address.
func apiOf(address string) (string, error) {
	if address == "" {
		return "https://api.github.com", nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", errors.New("the URL of the GitHub server cannot be used: expected https://host")
	}
	path := strings.TrimSuffix(u.Path, "/")
	switch {
	case u.Host == "github.com" || u.Host == "api.github.com":
		return "https://api.github.com", nil
	case path == "":
		path = "/api/v3"
	}
	return u.Scheme + "://" + u.Host + path, nil
}

// API is the root of the API that gives the tokens.
func (a *App) API() string { return a.api }

// Server is where the repositories are that the tokens are for.
func (a *App) Server() string {
	u, err := url.Parse(a.api)
	if err != nil || u.Host == "api.github.com" {
		return "https://github.com"
	}
	return u.Scheme + "://" + u.Host
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Is reports whether the App has this configuration.
func (a *App) Is(c Config) bool { return a.config == c }

// Format prints, for every verb, which App it is and nothing that is secret.
func (a *App) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// String names the App and its installation.
func (a *App) String() string {
	return "GitHub App " + a.config.ID + ", installation " + a.config.Installation
}

// MarshalJSON keeps the key out of whatever is serialised.
func (a *App) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", a.String()), nil }

// claim is the JWT with which an App identifies itself.
func (a *App) claim(now time.Time) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: a.config.ID, IssuedAt: jwt.NewNumericDate(now.Add(-jwtPast)),
		ExpiresAt: jwt.NewNumericDate(now.Add(jwtLife)),
	}).SignedString(a.key)
}
