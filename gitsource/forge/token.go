package forge

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Token identifies to the API of a Git host. It prints as nothing that is secret, whatever the verb.
type Token struct {
	// Username is set only with a password or an app password, which is then the Secret.
	Username string
	Secret   string
}

// TokenSource returns the token of the moment. It is asked once per report, and once more if the host refuses the
// token: what has been renewed or rotated since is used at once.
type TokenSource func(ctx context.Context) (Token, error)

// Format prints, for every verb, that there is a token and never which.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, "token (not shown)") }

// MarshalJSON keeps the token out of whatever is serialised.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"token (not shown)"`), nil }

// redact removes the token from a text that a server sent, in every form in which it was sent there.
func (t Token) redact(text string) string {
	if t.Secret == "" {
		return text
	}
	quoted := strconv.Quote(t.Secret)
	forms := []string{t.Secret, quoted[1 : len(quoted)-1], url.QueryEscape(t.Secret), url.PathEscape(t.Secret),
		base64.StdEncoding.EncodeToString([]byte(t.Username + ":" + t.Secret)),
		base64.StdEncoding.EncodeToString([]byte(t.Secret))}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, "•••")
	}
	return text
}
