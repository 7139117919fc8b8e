package remote

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/daemongate/daemongate/gitsource/githubapp"
)

// Auth is how to identify to a Git server. The zero value is nobody. It prints as nothing that is secret, whatever
// the verb.
type Auth struct {
	// Identity names where the credentials come from, such as the namespace and name of a Secret. Credentials of the
	// same identity share one mirror, so that they can be rotated; without it every password has its own mirror.
	Identity string

	// Username and Password are sent as HTTP basic authentication.
	Username, Password string
	// Token is an access token, sent as the password of HTTP basic authentication, which is what the Git hosts expect;
	// the user is x-access-token unless Username says otherwise.
	Token string
	// Bearer is a token for the few servers that want it in a header "Authorization: Bearer".
	Bearer string

	// App is an installation of a GitHub App, whose tokens are used and renewed.
	App *githubapp.App

	// CA holds the certificates, in PEM, that sign the server's certificate, besides those that the system trusts.
	CA []byte
	// ClientCert and ClientKey, in PEM, identify to servers that ask for a certificate.
	ClientCert, ClientKey []byte
	// Proxy is the URL of an HTTP or SOCKS5 proxy; if empty, the environment decides (HTTPS_PROXY and its like).
	Proxy string

	// SSHKey is a private key in PEM or OpenSSH format, SSHPassphrase what opens it if it is encrypted.
	SSHKey        []byte
	SSHPassphrase string
	// SSHAgent is the socket of an ssh agent, whose keys are offered where no SSHKey is given.
	SSHAgent string
	// KnownHosts are lines of a known_hosts file. No SSH server is talked to that they do not name.
	KnownHosts []byte

	// Hosts are those that the credentials are for, as host or host:port; any if nil.
	Hosts []string
	// NoPlain keeps the credentials from being sent over http.
	NoPlain bool
}

// Format prints, for every verb, that there are credentials and never which.
func (a Auth) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// String says whether there are credentials.
func (a Auth) String() string {
	if a.Empty() {
		return "no credentials"
	}
	return "credentials (not shown)"
}

// MarshalJSON keeps credentials out of whatever is serialised.
func (a Auth) MarshalJSON() ([]byte, error) { return []byte(`"` + a.String() + `"`), nil }

// Empty is true if there is nothing to identify with.
func (a Auth) Empty() bool {
	return a.App == nil && a.Username == "" && len(a.ClientKey) == 0 && len(a.SSHKey) == 0 && a.SSHAgent == "" &&
		len(a.passwords()) == 0
}

// Equal is true of the same credentials, certificates and known hosts.
func (a Auth) Equal(b Auth) bool {
	sameApp := a.App == b.App // which has a state of its own
	a.App, b.App = nil, nil
	return sameApp && reflect.DeepEqual(a, b)
}

// Fingerprint is everything that tells one set of credentials from another. It is secret: hash it with a key.
func (a Auth) Fingerprint() []byte {
	var b []byte
	for _, part := range [][]byte{
		[]byte(a.Username), []byte(a.Password), []byte(a.Token), []byte(a.Bearer), a.ClientCert, a.ClientKey, a.SSHKey,
	} {
		b = fmt.Appendf(b, "%d:%s,", len(part), part)
	}
	if a.App != nil {
		b = fmt.Appendf(b, "%s,", a.App)
	}
	return b
}

// tokenUser is who a token belongs to, if nothing else is said: GitHub's name for it, and the others do not look.
const tokenUser = "x-access-token"

// basic returns the user and password of HTTP basic authentication.
func (a Auth) basic() (user, password string, ok bool) {
	switch {
	case a.Token != "" && a.Username == "":
		return tokenUser, a.Token, true
	case a.Token != "":
		return a.Username, a.Token, true
	case a.Username != "" || a.Password != "":
		return a.Username, a.Password, true
	}
	return "", "", false
}

func (a Auth) passwords() []string {
	return slices.DeleteFunc([]string{a.Password, a.Token, a.Bearer, a.SSHPassphrase},
		func(s string) bool { return s == "" })
}

// redact removes from a text whatever could be one of the secrets, in the forms in which HTTP libraries and servers
// repeat them. The longest goes first: a secret may be part of another.
func (a Auth) redact(text string) string {
	var forms []string
	secrets := a.passwords()
	if a.App != nil {
		for _, token := range a.App.Secrets() {
			secrets = append(secrets, token)
			forms = append(forms, base64.StdEncoding.EncodeToString([]byte(tokenUser+":"+token)))
		}
	}
	for _, secret := range secrets {
		quoted := strconv.Quote(secret) // as errors repeat what they could not read
		forms = append(forms, secret, quoted[1:len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)))
	}
	if user, password, ok := a.basic(); ok && password != "" {
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	if u, err := url.Parse(a.Proxy); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok && password != "" {
			forms = append(forms, password, u.User.String())
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, "•••")
	}
	return text
}
