package forge_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
)

// A host that repeats the token, in whatever form and wherever its text is cut, has no part of it repeated.
func TestNoPartOfTheTokenIsRepeated(t *testing.T) {
	const odd = `0dd/%+"t0ken&that=goes on`
	fake := forgetest.New(forge.GitHub, "platform/fleet", odd)
	fake.Push(hash(1))
	h := reporter(t, fake, forge.GitHub,
		func(context.Context) (forge.Token, error) { return forge.Token{Username: "ada", Secret: odd}, nil })
	for _, form := range []string{odd, url.QueryEscape(odd), url.PathEscape(odd), fmt.Sprintf("%q", odd),
		base64.StdEncoding.EncodeToString([]byte("ada:" + odd))} {
		for before := range 40 {
			body := fmt.Sprintf(`{"message":%q}`, strings.Repeat("x", before)+strings.Repeat(" "+form, 30))
			fake.Say(forgetest.Answer{Code: http.StatusForbidden, Body: body})
			err := h.Report(t.Context(), one(hash(1), forge.Success, "Complete")).Err()
			if text := fmt.Sprint(err); err == nil || strings.Contains(text, "0dd") ||
				strings.Contains(text, "t0ken") || strings.Contains(text, "YWRh") {
				t.Fatalf("after %d characters: %s", before, text)
			}
		}
	}
}
