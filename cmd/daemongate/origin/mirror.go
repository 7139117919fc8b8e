package origin

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Access is the caller's own access to repositories that others name, as Syncs do.
type Access struct {
	from      Origin
	tokenHost string
}

// Flags adds the flags that say how these repositories are reached.
func (a *Access) Flags(f *pflag.FlagSet) {
	a.from.access.flags(f)
	f.StringVar(&a.tokenHost, "token-host", "", "host, with its port if it has one, to which alone the token is sent")
	f.StringVar(&a.from.cache, "data-dir", CacheDir(), "folder for the mirrors of repositories")
}

// Check refuses a token that whoever writes a Sync could have sent to a server of theirs.
func (a *Access) Check() error {
	switch file := a.from.access.tokenFile; {
	case file != "" && a.tokenHost == "":
		return errors.New("--token-file: give --token-host too: whoever writes a Sync names a server, and the token " +
			"is for one alone")
	case file == "-":
		return errors.New("--token-file: want a file, it is read more than once")
	}
	return nil
}

// Store is where the mirrors are.
func (a *Access) Store() *gitsource.Store { return a.from.store() }

// Mirror opens the mirror of a repository. Nothing is connected to yet.
func (a *Access) Mirror(store *gitsource.Store, location string) (*gitsource.Repository, error) {
	auth, err := a.authFor(location)
	if err != nil {
		return nil, err
	}
	return store.Repository(location, auth)
}

// Auth are the credentials for a repository that others name, as the mirror has them.
func (a *Access) Auth(location string) (gitsource.Auth, error) { return a.authFor(location) }

// authFor are the credentials that are meant for a repository's server; none for others.
func (a *Access) authFor(location string) (gitsource.Auth, error) {
	own := a.from
	at, _, err := remote.ParseAddress(location, gitsource.Auth{})
	if err != nil {
		return gitsource.Auth{}, err
	}
	if at.Scheme != "https" || !strings.EqualFold(at.Host, a.tokenHost) {
		own.access.tokenFile = ""
	}
	if at.Scheme != "ssh" {
		own.access.sshKey, own.access.knownHosts = "", ""
	}
	return own.auth(location)
}
